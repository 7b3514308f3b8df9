"""One function from errors to what the person sees."""

from collections.abc import Sequence
from uuid import uuid4

import structlog

from bot.domain import markup
from bot.domain.documents import Document, Part, Rich, Text
from bot.domain.errors import BotError, Misconfigured, OperationFailed, Refused, RequestError, Unavailable

log = structlog.get_logger()

_SIGNS: dict[type[BotError], str] = {
    RequestError: ":grey_question:",
    Refused: ":no_entry:",
    OperationFailed: ":x:",
    Misconfigured: ":wrench:",
    Unavailable: ":hourglass:",
}


def explained(error: Exception, **where: str) -> Document:
    """What to tell; an unexpected error gets a reference that stands in the log with its trace."""
    if isinstance(error, BotError):
        log.info("request.answered_with_error", kind=type(error).__name__, error=str(error), **where)
        channels = error.channels if isinstance(error, RequestError) else ()
        return _document(_SIGNS.get(type(error), ":x:"), str(error), error.hint, channels)
    reference = uuid4().hex[:8]
    log.error("request.bug", reference=reference, exc_info=error, **where)
    return _document(
        ":beetle:",
        f"Something unexpected went wrong ({type(error).__name__}, reference {reference}).",
        "Nothing more was done. Report it with the reference; it is in the bot's log.",
    )


def _document(sign: str, message: str, hint: str, channels: Sequence[str] = ()) -> Document:
    parts: list[Part] = [Rich(f"{sign} {markup.literal(message)}")]
    if channels:
        parts.append(Rich("Use it in " + ", ".join(f"<#{channel}>" for channel in channels) + "."))
    if hint:
        parts.append(Text(hint))
    return Document(message, parts)
