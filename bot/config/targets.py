"""What else the bot may act on, and how each is reached."""

from collections import Counter

from pydantic import BaseModel, Field, field_validator

from bot.domain.targets import Target


class TargetSettings(BaseModel):
    """The targets beside the databases: machines and the services on them."""

    targets: tuple[Target, ...] = Field(
        (),
        description="Machines whose services the bot may look at or act on, as JSON; docs/adoption.md shows each "
        "executor (local, ssh, compose, docker, kubernetes).",
    )

    @field_validator("targets")
    @classmethod
    def _named_once(cls, value: tuple[Target, ...]) -> tuple[Target, ...]:
        twice = [name for name, count in Counter(target.name for target in value).items() if count > 1]
        if twice:
            raise ValueError(f"two targets are called {twice[0]}")
        return value
