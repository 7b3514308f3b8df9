"""Tests; each folder is a tier: unit, contract, integration, e2e."""
