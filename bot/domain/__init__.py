"""What things are and which moves are legal: standard library and pydantic, no input or output."""
