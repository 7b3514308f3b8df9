"""What a request was answered, kept with its effect: worked on again after a crash, it gets the same answer."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from uuid import NAMESPACE_URL, uuid4, uuid5

from bot.domain.errors import Refused
from bot.services.ports import Work
from bot.services.rows import InboxRow

Owner = TypeVar("Owner")
Values = ParamSpec("Values")
Verb = Callable[Concatenate[Owner, Values], Awaitable[str]]

# A context variable, as every verb is asked from terminals and the calendar as well, where no request is under way.
_UNDER_WAY: ContextVar[InboxRow | None] = ContextVar("request_under_way", default=None)


@contextmanager
def answering(row: InboxRow) -> Iterator[None]:
    """Within the block this request is worked on."""
    token = _UNDER_WAY.set(row)
    try:
        yield
    finally:
        _UNDER_WAY.reset(token)


def answered_once(verb: Verb[Owner, Values]) -> Verb[Owner, Values]:
    """For a verb that ends with `keep_answer`: the same request does not do it again, and is told what it was told."""

    @wraps(verb)
    async def once(owner: Owner, /, *args: Values.args, **kwargs: Values.kwargs) -> str:
        row = _UNDER_WAY.get()
        return row.answer if row is not None and row.answer else await verb(owner, *args, **kwargs)

    return once


async def keep_answer(work: Work, said: str) -> str:
    """Keep it in the transaction of its effect. Raises: Refused when another worker has answered this request."""
    row = _UNDER_WAY.get()
    if row is not None and not await work.inbox.answer(row.id, said):
        raise Refused("This request was answered already.", hint="`/takumi runs` shows what became of it.")
    return said


def id_of_request() -> str:
    """An id for what a request makes, the same each time somebody works on it."""
    row = _UNDER_WAY.get()
    return uuid4().hex if row is None else uuid5(NAMESPACE_URL, f"takumi:{row.id}").hex
