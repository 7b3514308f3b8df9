"""What a person fills in: typed, frozen, and refusing what it does not know."""

from pydantic import BaseModel, ConfigDict


class Params(BaseModel):
    """Parameters of a runbook or command; one field is one modal input, one `key=value`, one `--flag`."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class NoParams(Params):
    """For what takes no parameters."""
