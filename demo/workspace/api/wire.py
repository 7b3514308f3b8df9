"""Reading a call's arguments from whichever of Slack's encodings it came in."""

import json
from dataclasses import dataclass, field

from aiohttp import web

from demo.workspace import Json
from demo.workspace.errors import SlackError

JSON_TYPE = "application/json"
_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}


@dataclass(frozen=True)
class Arguments:
    """What was sent: `body` from JSON, `form` from query and forms; a token from the header wins."""

    body: Json = field(default_factory=dict)
    form: Json = field(default_factory=dict)
    token: str | None = None

    def merged(self, *, takes_json: bool) -> Json:
        """Methods that take no JSON do not see a JSON body, as at Slack."""
        return self.form | self.body if takes_json else dict(self.form)


async def read(request: web.Request) -> Arguments:
    """Raises: SlackError for a body that cannot be understood."""
    form: Json = dict(request.query)
    body: Json = {}
    if request.content_type == JSON_TYPE:
        body = _parse_json(await request.read())
    elif request.content_type in _FORMS:
        form |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    elif await request.read():
        raise SlackError("invalid_post_type")
    return Arguments(body, form, _token(request, form, body))


def _parse_json(raw: bytes) -> Json:
    if not raw.strip():
        return {}
    try:
        parsed = json.loads(raw)
    except ValueError as error:
        raise SlackError("invalid_json") from error
    if not isinstance(parsed, dict):
        raise SlackError("json_not_object")
    return parsed


def _token(request: web.Request, form: Json, body: Json) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    found = form.get("token") or body.get("token")
    return str(found) if found else None
