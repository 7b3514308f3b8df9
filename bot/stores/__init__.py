"""The bot's own database, and its twin in memory."""
