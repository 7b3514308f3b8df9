"""How a setting's text becomes a value."""

from typing import Any

from pydantic import AliasChoices


def guide(name: str) -> AliasChoices:
    """A variable of the guide: it keeps its own name."""
    return AliasChoices(name, name.lower())


def truth(value: Any) -> Any:
    """The guide's scripts write `CLOUD_BACKUP=true`; an empty variable means what an unset one means."""
    return False if value == "" else value
