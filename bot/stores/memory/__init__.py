"""The store's twin in memory: the same behaviour, held to the same tests, for tests of what stands above it."""
