"""Alertmanager's own API (version 2): silences, and which alerts it holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from bot.domain.alerts import Silence
from bot.domain.errors import OperationFailed

TIMEOUT = aiohttp.ClientTimeout(total=10)
# Prometheus sends what fires again each minute or so: sooner after a restart, what is not there proves nothing.
SETTLED_AFTER = timedelta(minutes=5)
_HINT = "Look at TAKUMI_BOT_ALERTMANAGER_URL, and whether Alertmanager runs."
NOT_FOUND = 404


@dataclass(frozen=True)
class AlertmanagerApi:
    """Fulfils `Silencer`. `url` may hold a user and a password."""

    url: str
    settled_after: timedelta = SETTLED_AFTER

    async def silence(
        self, labels: Mapping[str, str], until: datetime, by: str, comment: str, *, instead_of: str = ""
    ) -> Silence:
        """Asked for again with the same comment, it is the same silence. Raises: OperationFailed."""
        found = await self._ask("GET", "silences", filters=labels)
        active = [one for one in found if one["status"]["state"] == "active"]
        mine = [one for one in active if one["comment"] == comment]
        if mine:
            return Silence(mine[0]["id"], datetime.fromisoformat(mine[0]["endsAt"]))
        matchers = [{"name": name, "value": value, "isRegex": False} for name, value in sorted(labels.items())]
        told = {"matchers": matchers, "createdBy": by, "comment": comment}
        instants = {"startsAt": datetime.now(UTC).isoformat(), "endsAt": until.isoformat()}
        known = {"id": instead_of} if instead_of in {one["id"] for one in active} else {}
        made = await self._ask("POST", "silences", body=told | instants | known)
        return Silence(made["silenceID"], until)

    async def stands(self, silence: str) -> bool:
        """Raises: OperationFailed."""
        found = await self._ask("GET", f"silence/{silence}")
        return found is not None and found["status"]["state"] != "expired"

    async def lift(self, silence: str) -> None:
        """One that is over already is lifted. Raises: OperationFailed."""
        if await self.stands(silence):
            await self._ask("DELETE", f"silence/{silence}")

    async def firing(self, labels: Mapping[str, str]) -> frozenset[str] | None:
        """Raises: OperationFailed."""
        status = await self._ask("GET", "status")
        if datetime.now(UTC) - datetime.fromisoformat(status["uptime"]) < self.settled_after:
            return None
        return frozenset(one["fingerprint"] for one in await self._ask("GET", "alerts", filters=labels))

    async def _ask(self, method: str, path: str, *, filters: Mapping[str, str] | None = None, body: Any = None) -> Any:
        """What it answers; None for what it does not know."""
        query = [("filter", f'{name}="{_escaped(value)}"') for name, value in (filters or {}).items()]
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT) as session,
                session.request(method, f"{self.url.rstrip('/')}/api/v2/{path}", params=query, json=body) as answer,
            ):
                if answer.status == NOT_FOUND and path.startswith("silence/"):
                    return None
                if not answer.ok:
                    said = (await answer.text())[:200]
                    raise OperationFailed(f"Alertmanager said {answer.status} to {method} {path}: {said}", hint=_HINT)
                return await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise OperationFailed(f"Alertmanager does not answer: {type(error).__name__}.", hint=_HINT) from error


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
