"""The guide's tables as data, one file a table."""
