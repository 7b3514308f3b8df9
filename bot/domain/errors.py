"""The four ways in which something can go wrong on purpose; anything else is a bug."""

from collections.abc import Mapping, Sequence


class BotError(Exception):
    """Something a person can understand and act on.

    `str(error)` is the message for people; `hint` says what to do next; `facts` go to the log.
    """

    def __init__(self, message: str, *, hint: str = "", **facts: object) -> None:
        super().__init__(message)
        self.hint = hint
        self.facts: Mapping[str, object] = facts


class RequestError(BotError):
    """The request cannot be understood as it is: ask differently.

    `fields` maps a parameter's name to what is wrong with it, for the errors beside a modal's fields.
    `channels` are the ids of the channels where it would have worked.
    """

    def __init__(
        self, message: str, *, hint: str = "", fields: Mapping[str, str] | None = None, channels: Sequence[str] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.fields: Mapping[str, str] = fields or {}
        self.channels = tuple(channels)


class Refused(BotError):
    """The rules say no; every refusal leaves an audit entry."""


class OperationFailed(BotError):
    """The platform said no; told in the run's thread."""


class Misconfigured(BotError):
    """The bot cannot start, or a part of it cannot work, until its configuration is mended."""


class Unrecorded(BotError):
    """The trail takes no entry: no entry, no action."""


class Unavailable(BotError):
    """Something the bot itself needs did not answer; nothing may be assumed about what it did."""
