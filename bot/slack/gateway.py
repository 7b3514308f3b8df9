"""The one way out to Slack: redacted, within the limits, honest about what may have happened."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.domain.documents import Attachment, Chart, Document, Form
from bot.domain.errors import OperationFailed
from bot.domain.figures import Figure
from bot.domain.markup import without_broadcasts
from bot.domain.people import Person, Role
from bot.domain.redaction import Redactor
from bot.services.forms import Opening
from bot.services.ports import ChatUnavailable, Posted
from bot.slack.charts import drawn
from bot.slack.cleaning import cleaned
from bot.slack.limits import RateLimiter
from bot.slack.membership import Membership, standing
from bot.slack.modals import document_view, home_view, opening_view, view_of
from bot.slack.render import Rendered, render

log = structlog.get_logger()

EVENT_TYPE = "takumi_message"
AWAY = timedelta(seconds=5)
_SERVER_SIDE = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})


class SlackChat:
    """Fulfils `bot.services.ports.Chat`."""

    def __init__(self, client: AsyncWebClient, redactor: Redactor, roles: Mapping[Role, tuple[str, ...]]) -> None:
        # chat.postMessage is not idempotent: nothing is tried again below the level that can look first.
        client.retry_handlers = []
        self._client = client
        self._redactor = redactor
        self._limits = RateLimiter()
        self._membership = Membership(roles, self.query)
        self._plain = False
        self._team = ""
        self._calls: Counter[tuple[str, str]] = Counter()

    async def call(self, method: str, /, *, channel_spacing: str = "", **arguments: Any) -> Mapping[str, Any]:
        """One Web API call. Raises: ChatUnavailable, OperationFailed."""
        await self._limits.turn(method, channel_spacing)
        return await self._counted(method, self._client.api_call(method, json=self._redactor.value(arguments)))

    async def query(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """A reading call; several of Slack's take no JSON."""
        await self._limits.turn(method)
        return await self._counted(method, self._client.api_call(method, params=arguments))

    async def _counted(self, method: str, calling: Awaitable[Any]) -> Mapping[str, Any]:
        outcome = "ok"
        try:
            return await _answered(method, calling)
        except ChatUnavailable:
            outcome = "unavailable"
            raise
        except OperationFailed:
            outcome = "refused"
            raise
        finally:
            self._calls[method, outcome] += 1

    def figures(self) -> tuple[Figure, ...]:
        """How many calls this process made, by how they ended."""
        meaning = "Calls of Slack's methods by this process."
        return tuple(
            Figure("takumi_slack_calls", meaning, count, {"method": method, "outcome": outcome})
            for (method, outcome), count in sorted(self._calls.items())
        )

    async def post(self, channel: str, thread: str, document: Document, key: str) -> Posted:
        where: dict[str, Any] = {"channel": channel} | ({"thread_ts": thread} if thread else {})
        mark = {"event_type": EVENT_TYPE, "event_payload": {"key": key}}
        answer, files = await self._drawn("chat.postMessage", document, **where, metadata=mark, channel_spacing=channel)
        posted = Posted(answer["channel"], answer["ts"])
        await self._attach(posted, thread or posted.ts, files)
        return posted

    async def update(self, posted: Posted, document: Document, key: str) -> None:
        mark = {"event_type": EVENT_TYPE, "event_payload": {"key": key}}
        await self._drawn("chat.update", document, channel=posted.channel, ts=posted.ts, metadata=mark)

    async def whisper(self, channel: str, user: str, thread: str, document: Document) -> None:
        where = {"channel": channel, "user": user} | ({"thread_ts": thread} if thread else {})
        _, files = await self._drawn("chat.postEphemeral", document, **where)
        await self._hand_over(user, files)

    async def respond(self, response_url: str, user: str, document: Document) -> None:
        said = self._render(document)
        webhook = AsyncWebhookClient(response_url, retry_handlers=[])
        sending = webhook.send(text=said.text, blocks=said.blocks, response_type="ephemeral", replace_original=False)
        try:
            response = await sending
        except (ClientError, TimeoutError, OSError) as error:
            raise ChatUnavailable(f"response_url: {error}", AWAY, in_doubt=True) from error
        if response.status_code != 200:  # noqa: PLR2004 - HTTP's OK
            raise OperationFailed(f"Slack refused an answer: {response.body}", status=response.status_code)
        await self._hand_over(user, said.files)

    async def find(self, channel: str, thread: str, key: str) -> Posted | None:
        method = "conversations.replies" if thread else "conversations.history"
        arguments: dict[str, Any] = {"channel": channel, "include_all_metadata": True, "limit": 200}
        if thread:
            arguments["ts"] = thread
        answer = await self.query(method, **arguments)
        for message in answer.get("messages", []):
            metadata = message.get("metadata") or {}
            if metadata.get("event_type") == EVENT_TYPE and metadata.get("event_payload", {}).get("key") == key:
                return Posted(channel, message["ts"])
        return None

    async def members(self, role: Role) -> frozenset[str]:
        return await self._membership.members(role)

    async def person(self, user: str, *, fresh_roles: bool = False) -> Person:
        found = (await self.query("users.info", user=user))["user"]
        refusal = standing(found, await self.team())
        roles = frozenset() if refusal else await self._membership.roles(user, fresh=fresh_roles)
        name = found.get("real_name") or found.get("name", user)
        return Person(user, found.get("team_id", ""), name, refusal, roles)

    async def team(self) -> str:
        """The workspace's id, asked once."""
        if not self._team:
            self._team = (await self.query("auth.test"))["team_id"]
        return self._team

    async def introduce(self, channel: str) -> tuple[str, str, str, bool]:
        """(the bot's name, the workspace's, the channel's, whether the bot is in it), for the doctor."""
        who = await self.query("auth.test")
        found = (await self.query("conversations.info", channel=channel))["channel"]
        return who["user"], who["team"], found.get("name", channel), bool(found.get("is_member"))

    async def scopes(self) -> frozenset[str]:
        """What this token may do: Slack names it in the header of every answer."""
        headers: dict[str, str] = {}

        async def asking() -> Any:
            response = await self._client.auth_test()
            headers.update({name.lower(): value for name, value in response.headers.items()})
            return response

        await _answered("auth.test", asking())
        return frozenset(one.strip() for one in headers.get("x-oauth-scopes", "").split(",") if one.strip())

    async def link(self, posted: Posted) -> str:
        answer = await self.query("chat.getPermalink", channel=posted.channel, message_ts=posted.ts)
        return str(answer["permalink"])

    async def open_modal(self, trigger: str, external_id: str, opening: Opening) -> None:
        """A modal at once, since a trigger lives three seconds; after a failure the job tells the person."""
        view = opening_view(cleaned(opening, self._clean), external_id)
        try:
            await self.call("views.open", trigger_id=trigger, view=view)
        except (ChatUnavailable, OperationFailed) as error:
            log.warning("modal.not_opened", error=str(error))

    async def fill_modal(self, external_id: str, content: Form | Document) -> None:
        clean = cleaned(content, self._clean)
        view = view_of(clean, external_id) if isinstance(clean, Form) else document_view(clean, external_id)
        await self.call("views.update", external_id=external_id, view=view)

    async def show_home(self, user: str, document: Document) -> None:
        await self.call("views.publish", user_id=user, view=home_view(cleaned(document, self._clean)))

    async def _drawn(
        self, method: str, document: Document, **arguments: Any
    ) -> tuple[Mapping[str, Any], tuple[Attachment | Chart, ...]]:
        """Send a document; a workspace that does not know plan or table blocks gets sections from then on."""
        rendered = self._render(document)
        try:
            answer = await self.call(method, text=rendered.text, blocks=rendered.blocks, **arguments)
        except OperationFailed as error:
            if self._plain or error.facts.get("error") != "invalid_blocks":
                raise
            log.warning("slack.blocks_refused", method=method, facts=error.facts)
            self._plain = True
            rendered = self._render(document)
            answer = await self.call(method, text=rendered.text, blocks=rendered.blocks, **arguments)
        return answer, rendered.files

    def _render(self, document: Document) -> Rendered:
        """Cleaned before it is drawn, since marks have a length, and once more, since secrets must not get out."""
        rendered = render(cleaned(document, self._clean), plain=self._plain)
        return Rendered(self._redactor.text(rendered.text), self._redactor.value(rendered.blocks), rendered.files)

    def _clean(self, text: str) -> str:
        return without_broadcasts(self._redactor.text(text))

    async def _hand_over(self, user: str, files: tuple[Attachment | Chart, ...]) -> None:
        """No file hangs on an ephemeral message: what belongs to one goes to the person's direct messages."""
        if files:
            direct = (await self.call("conversations.open", users=user))["channel"]["id"]
            await self._attach(Posted(direct, ""), "", files)

    async def _attach(self, posted: Posted, thread: str, files: tuple[Attachment | Chart, ...]) -> None:
        for made in files:
            file = await drawn(made) if isinstance(made, Chart) else made
            content = self._redactor.text(file.content) if isinstance(file.content, str) else file.content
            uploading = self._client.files_upload_v2(
                channel=posted.channel,
                thread_ts=thread or None,
                filename=file.name,
                content=content,
                title=file.title or file.name,
            )
            await _answered("files.upload", uploading)


async def _answered(method: str, calling: Awaitable[Any]) -> Mapping[str, Any]:
    try:
        response = await calling
    except SlackApiError as error:
        raise _refusal(method, error) from error
    except (ClientError, TimeoutError, OSError, asyncio.IncompleteReadError) as error:
        raise ChatUnavailable(f"{method}: {type(error).__name__} {error}", AWAY, in_doubt=True) from error
    return _said(response)


def _refusal(method: str, error: SlackApiError) -> Exception:
    response = error.response
    status, said = getattr(response, "status_code", 0), _said(response)
    code = said.get("error", "")
    if status == 429 or code in ("ratelimited", "rate_limited"):  # noqa: PLR2004 - HTTP's Too Many Requests
        wait = int(response.headers.get("Retry-After", response.headers.get("retry-after", "1")))
        return ChatUnavailable(f"{method}: rate limited", timedelta(seconds=wait), in_doubt=False)
    if status >= 500 or code in _SERVER_SIDE:  # noqa: PLR2004 - HTTP's server errors
        return ChatUnavailable(f"{method}: {status} {code}", AWAY, in_doubt=True)
    return OperationFailed(
        f"Slack refused {method}: {code}",
        hint=_ADVICE.get(code, ""),
        error=code,
        needed=said.get("needed", ""),
        messages=(said.get("response_metadata") or {}).get("messages", []),
    )


def _said(response: Any) -> Mapping[str, Any]:
    """The body of an answer; empty for what is no JSON, such as the page of a proxy that has no server behind it."""
    body = getattr(response, "data", response)
    return body if isinstance(body, dict) else {}


_ADVICE = {
    "missing_scope": "Reinstall the app with the current manifest: its scopes have changed.",
    "not_in_channel": "Invite the bot to the channel.",
    "channel_not_found": "Check the configured channel id, and invite the bot to the channel.",
    "invalid_auth": "Check TAKUMI_BOT_SLACK_BOT_TOKEN.",
    "token_revoked": "Reinstall the app and configure the new token.",
}
