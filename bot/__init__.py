"""The Takumi maintenance bot: procedures as buttons, acting only on proof."""
