"""A small Takumi platform of real servers: PostgreSQL, S3, Redis, a chain and an API."""
