"""Receiving: a request is in the inbox before Slack is told "yes"."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import Unavailable, Unrecorded
from bot.services.forms import Opening
from bot.services.ports import Store
from bot.services.rows import Delivery, DeliveryKind
from bot.slack.modals import opening_view
from bot.slack.payloads import read

log = structlog.get_logger()

# Said when the commit is in doubt: the request may have been taken.
IN_DOUBT = "I could not confirm that I took this. Look in `{command} runs` before you ask again."


class Front(Protocol):
    """What must be known before the acknowledgement; pure, and never slow."""

    def check(self, callback: str, values: Mapping[str, str], runbook: str) -> Mapping[str, str]:
        """What is wrong with a modal's fields, by field."""
        ...

    def opens(self, payload: Mapping[str, Any]) -> Opening | None:
        """The modal that a request opens, if any."""
        ...


@dataclass(frozen=True)
class Receiver:
    """Records what arrives and answers Slack; everything else happens in jobs.

    `open_modal(trigger, external id, what to open)` opens a modal at once, since a trigger lives three seconds.
    """

    store: Store
    front: Front
    command: str
    open_modal: Callable[[str, str, Opening], Coroutine[Any, Any, None]]
    heard: Callable[[], None] = lambda: None
    opening: set[asyncio.Task[None]] = field(default_factory=set)

    async def take(self, body: Mapping[str, Any]) -> BoltResponse | None:
        """Answer for a request's body, or None when it is nothing for the inbox."""
        self.heard()
        delivery = read(body)
        if delivery is None:
            return None
        if delivery.kind is DeliveryKind.SUBMISSION:
            payload = delivery.payload
            errors = self.front.check(payload.get("action", ""), payload.get("values", {}), payload.get("value", ""))
            if errors:
                return BoltResponse(status=200, body={"response_action": "errors", "errors": dict(errors)})
        opening = self.front.opens(delivery.payload)
        if opening is not None:
            delivery = _with_view(delivery)
        return await self._record(body, delivery, opening)

    async def _record(self, body: Mapping[str, Any], delivery: Delivery, opening: Opening | None) -> BoltResponse:
        try:
            inbox_id, new = await self.store.receive(delivery)
        except Unavailable as error:
            log.warning("inbox.in_doubt", kind=delivery.kind, error=str(error))
            return self._not_received(delivery, IN_DOUBT.format(command=self.command))
        except Unrecorded as error:
            log.warning("inbox.not_recorded", kind=delivery.kind, told=str(error), **error.facts)
            return self._not_received(delivery, f"{error} {error.hint}")
        log.debug("inbox.received", inbox=inbox_id, kind=delivery.kind, new=new)
        if opening is not None and delivery.kind is DeliveryKind.SUBMISSION:
            # A modal follows a modal in the answer itself, the same one for a redelivery.
            view = opening_view(opening, delivery.payload["opened_view"])
            return BoltResponse(status=200, body={"response_action": "update", "view": view})
        if opening is not None and new:
            # Beside the acknowledgement, which must not wait for a call to Slack.
            opened = asyncio.create_task(self.open_modal(body["trigger_id"], delivery.payload["opened_view"], opening))
            self.opening.add(opened)
            opened.add_done_callback(self.opening.discard)
        return BoltResponse(status=200, body="")

    def _not_received(self, delivery: Delivery, said: str) -> BoltResponse:
        if delivery.kind is DeliveryKind.COMMAND:
            return BoltResponse(status=200, body={"response_type": "ephemeral", "text": said})
        if delivery.kind is DeliveryKind.SUBMISSION:
            first = next(iter(delivery.payload.get("values", {})), "")
            return BoltResponse(status=200, body={"response_action": "errors", "errors": {first: said}})
        # Not acknowledged: Slack sends an event again, and shows the person a warning beside a button.
        return BoltResponse(status=503, body=said)


def _with_view(delivery: Delivery) -> Delivery:
    return replace(delivery, payload={**delivery.payload, "opened_view": f"takumi-{delivery.key}"[:255]})


class ToInbox(AsyncMiddleware):
    """Met after the signature and before anything slow; answering without `next` is the acknowledgement."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt passes arguments by name
    ) -> BoltResponse:
        answer = await self._receiver.take(req.body)
        if answer is not None:
            return answer
        return await next() or resp


def build_app(receiver: Receiver, client: AsyncWebClient, signing_secret: str) -> AsyncApp:
    """A Bolt app whose inbox stands before authorisation: who may do what is decided by the job, from fresh facts."""
    return AsyncApp(
        name="takumi",  # else Bolt looks through all of the stack and its files for one
        client=client,
        signing_secret=signing_secret,
        process_before_response=True,
        before_authorize=ToInbox(receiver),
        ssl_check_enabled=False,
        attaching_function_token_enabled=False,
    )
