"""Taking secrets out of everything that leaves the bot: known values, and credentials inside URLs."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_URL_CREDENTIALS = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@:]*:[^\s/@]*@", re.IGNORECASE)
_SLACK_TOKEN = re.compile(r"\bx(?:ox[abeprs]|app)-[A-Za-z0-9-]{8,}")
_SHORTEST = 6

MARK = "[redacted]"


class Redactor:
    """Replaces each known secret by a mark; values under six characters are too common to be told from words."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._known: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Know these as well; what was a secret once stays one."""
        self._secrets |= {value for value in secrets if len(value) >= _SHORTEST}
        # The longest first: a secret may contain another.
        known = sorted(self._secrets, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(MARK, text)
        if "://" in text:
            text = _URL_CREDENTIALS.sub(rf"\g<1>{MARK}@", text)
        return _SLACK_TOKEN.sub(MARK, text) if "xox" in text or "xapp" in text else text

    def value(self, value: Any) -> Any:
        """The same through lists and mappings, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value


NOTHING_SECRET = Redactor()
