"""Verbs over the domain and its ports."""
