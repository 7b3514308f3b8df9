"""One module a runbook."""
