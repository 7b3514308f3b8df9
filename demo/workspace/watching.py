"""Waiting for something to appear, woken by the workspace's feed instead of by polling."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import aiohttp

T = TypeVar("T")
DEFAULT_TIMEOUT = timedelta(seconds=20)


class Watch:
    """Looks again after each piece of news."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str, user: str) -> None:
        self._session, self._feed = session, f"{url}_workspace/feed"
        self._query = {"token": token, "as": user}

    async def until(
        self, look: Callable[[], Awaitable[T | None]], seen: Callable[[], Awaitable[str]], patience: timedelta
    ) -> T:
        """What `look` finds.

        Raises: TimeoutError with what was `seen` when patience ran out; ConnectionError when the workspace went away.
        """
        try:
            async with asyncio.timeout(patience.total_seconds()):
                return await self._look_after_news(look)
        except TimeoutError:
            raise TimeoutError(f"waited {patience.total_seconds():g} s in vain; seen:\n{await seen()}") from None

    async def _look_after_news(self, look: Callable[[], Awaitable[T | None]]) -> T:
        async with self._session.ws_connect(self._feed, params=self._query) as feed:
            while (found := await look()) is None:
                if (await feed.receive()).type is not aiohttp.WSMsgType.TEXT:
                    raise ConnectionError("the workspace closed its feed")
            return found
