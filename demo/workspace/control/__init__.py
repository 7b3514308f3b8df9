"""The people's side: what the page and the test client ask of the workspace."""
