"""The stand-in is broken on purpose, rule by rule, and the named contract test notices: else it would prove nothing."""

import inspect
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from demo.workspace.api import dispatch
from demo.workspace.api.call import Call
from demo.workspace.api.limits import Limits
from demo.workspace.api.registry import METHODS
from demo.workspace.blocks import validate
from demo.workspace.control import asked, gate, looking
from demo.workspace.deliver import actions, choosing, deliveries, events, modals, requests, responses, sockets, triggers
from demo.workspace.deliver.deliveries import Ack, Deliveries, Parcel
from demo.workspace.deliver.events import Events
from demo.workspace.deliver.modals import Modals
from demo.workspace.deliver.sockets import Sockets
from demo.workspace.deliver.triggers import Trigger
from demo.workspace.state import messages
from demo.workspace.state.apps import InstalledApp
from demo.workspace.state.channels import Channel
from demo.workspace.state.world import World
from tests.contract import (
    test_workspace_blocks,
    test_workspace_elements,
    test_workspace_errors,
    test_workspace_http_mode,
    test_workspace_interactions,
    test_workspace_limits,
    test_workspace_modals,
    test_workspace_people,
    test_workspace_sockets,
)
from tests.workspace_apps import Json, installed, manifest
from tests.workspace_socket import socket_app

Patch = pytest.MonkeyPatch
LONG = timedelta(days=1)
NOTICED = (AssertionError, TimeoutError, ValueError, LookupError, aiohttp.ClientError, pytest.fail.Exception)
"""How a test fails: what it asserts, waits for, unpacks, looks up in a refusal, and what it expects to be refused."""


@dataclass(frozen=True)
class Mutation:
    """How the stand-in is broken, and the test that has to fail; `given` are arguments of a parametrized test."""

    break_it: Callable[[Patch], None]
    noticed_by: Callable[..., Awaitable[None] | None]
    given: dict[str, Any] = field(default_factory=dict)


def constant(module: Any, name: str, value: Any) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(module, name, value)


def no_scope_check(patch: Patch) -> None:
    for name, method in METHODS.items():
        patch.setitem(METHODS, name, replace(method, scopes=()))


def broadcast_sockets(patch: Patch) -> None:
    async def to_all(self: Deliveries, app: InstalledApp, parcel: Parcel) -> Ack:
        answers = [await c.exchange(parcel.envelope()) for c in self._sockets.connections(app.id)]
        return Ack(ok=True, payload=answers[0])

    patch.setattr(Deliveries, "_by_socket", to_all)


def ephemerals_to_all(patch: Patch) -> None:
    def aloud(channel: Channel, _: str, message: Json) -> Json:
        return messages.post(channel, message)

    patch.setattr(messages, "whisper", aloud)


def no_hash_conflict(patch: Patch) -> None:
    careful = Modals.update

    def careless(self: Modals, app: InstalledApp, record: Any, content: Any, _: str = "") -> Any:
        return careful(self, app, record, content)

    patch.setattr(Modals, "update", careless)


def tickets_for_ever(patch: Patch) -> None:
    def peek(self: Sockets, ticket: str) -> str | None:
        return self._tickets.get(ticket, (None, 0.0))[0]

    patch.setattr(Sockets, "_redeem", peek)


def no_origin_check(patch: Patch) -> None:
    @web.middleware
    async def anybody(request: web.Request, handler: gate.Handler) -> web.StreamResponse:
        return await handler(request)

    patch.setattr(gate, "loopback_only", anybody)


def any_workspace_token(patch: Patch) -> None:
    for module in (gate, looking):
        patch.setattr(module, "has_token", lambda *_: True)


def any_bot_token(patch: Patch) -> None:
    patch.setattr(World, "app_with_token", lambda self, _: next(iter(self.state.apps.values())))


def undocumented_error(patch: Patch) -> None:
    async def answers(_: Call) -> Json:
        raise dispatch.SlackError("out_of_coffee")

    patch.setitem(METHODS, "chat.delete", replace(METHODS["chat.delete"], handler=answers))


def everybody_sees_private_channels(patch: Patch) -> None:
    patch.setattr(Call, "channel", lambda self, name="channel": self.world.state.channels[self.text(name)])


def deaf_to_membership(patch: Patch) -> None:
    patch.setattr(Events, "_present", lambda self, _: list(self._world.state.apps.values()))


def every_close_is_told(patch: Patch) -> None:
    seen = Modals._record

    def noted(self: Modals, app: InstalledApp, user: str, content: Json) -> Any:
        return seen(self, app, user, content | {"notify_on_close": True})

    patch.setattr(Modals, "_record", noted)


MUTATIONS: dict[str, Mutation] = {
    "no trigger expiry": Mutation(
        constant(triggers, "TRIGGER_LIFETIME", LONG), test_workspace_interactions.test_a_trigger_lives_three_seconds
    ),
    "triggers work twice": Mutation(
        lambda patch: patch.setattr(Trigger, "used", property(lambda _: False, lambda *_: None), raising=False),
        test_workspace_interactions.test_a_trigger_works_once,
    ),
    "broadcast sockets": Mutation(
        broadcast_sockets, test_workspace_sockets.test_each_payload_goes_to_exactly_one_connection
    ),
    "no 429": Mutation(
        constant(Limits, "retry_after_seconds", lambda *_: 0),
        test_workspace_limits.test_a_tier_two_method_takes_twenty_calls_a_minute,
    ),
    "no limit a channel": Mutation(
        constant(Limits, "retry_after_seconds", lambda *_: 0),
        test_workspace_limits.test_a_channel_takes_a_burst_then_one_message_a_second,
    ),
    "ephemerals to all": Mutation(ephemerals_to_all, test_workspace_people.test_an_ephemeral_is_seen_by_its_user_alone),
    "no scope check": Mutation(
        no_scope_check, test_workspace_errors.test_a_missing_scope_is_named_with_those_there_are
    ),
    "no hash conflict": Mutation(no_hash_conflict, test_workspace_modals.test_an_outdated_hash_is_a_conflict),
    "a stack without end": Mutation(
        constant(modals, "STACK_LIMIT", 9), test_workspace_modals.test_three_views_lie_on_each_other_and_not_four
    ),
    "closing is always told": Mutation(
        every_close_is_told, test_workspace_modals.test_closing_is_told_only_where_asked
    ),
    "no deadline for an acknowledgement": Mutation(
        constant(deliveries, "ACK_DEADLINE", LONG),
        test_workspace_sockets.test_a_command_unanswered_for_three_seconds_has_timed_out,
    ),
    "events are sent once": Mutation(
        constant(events, "RETRY_AFTER", ()),
        test_workspace_http_mode.test_an_event_is_tried_again_with_number_and_reason,
    ),
    "tickets work for ever": Mutation(tickets_for_ever, test_workspace_sockets.test_a_ticket_works_once),
    "any number of connections": Mutation(
        constant(sockets, "CONNECTION_LIMIT", 99), test_workspace_sockets.test_an_eleventh_connection_is_sent_away
    ),
    "unsigned requests": Mutation(
        constant(requests, "sign", lambda *_: "v0=0"),
        test_workspace_http_mode.test_requests_are_signed_with_the_apps_secret,
    ),
    "no challenge": Mutation(
        lambda patch: patch.setattr("demo.workspace.control.installing.Installing._verify", _nothing),
        test_workspace_http_mode.test_an_address_that_does_not_answer_the_challenge_is_not_installed,
    ),
    "response addresses without end": Mutation(
        constant(responses, "USES", 99), test_workspace_interactions.test_a_response_address_takes_five_posts
    ),
    "response addresses for ever": Mutation(
        constant(responses, "LIFETIME", LONG), test_workspace_interactions.test_a_response_address_lives_thirty_minutes
    ),
    "any bot token": Mutation(any_bot_token, test_workspace_errors.test_only_tokens_it_minted_are_taken),
    "any workspace token": Mutation(any_workspace_token, test_workspace_people.test_writes_need_the_workspaces_token),
    "foreign origins": Mutation(
        no_origin_check,
        test_workspace_people.test_other_hosts_and_origins_are_refused,
        {"headers": {"Origin": "https://evil.example"}},
    ),
    "foreign hosts": Mutation(
        no_origin_check,
        test_workspace_people.test_other_hosts_and_origins_are_refused,
        {"headers": {"Host": "evil.example"}},
    ),
    "the deactivated act": Mutation(
        lambda patch: patch.setattr(asked, "acting", lambda world, ask: asked.person(world, ask["as"])),
        test_workspace_people.test_a_deactivated_person_can_do_nothing,
    ),
    "private channels for all": Mutation(
        everybody_sees_private_channels, test_workspace_people.test_a_private_channel_is_not_there_for_those_outside
    ),
    "events from everywhere": Mutation(
        deaf_to_membership, test_workspace_people.test_an_event_needs_its_scope_and_the_bot_in_the_channel
    ),
    "inputs tell at once": Mutation(
        lambda patch: patch.setattr(actions, "is_silent", lambda _: False),
        test_workspace_elements.test_an_input_tells_nothing_until_its_modal_is_submitted,
        {"named": "static_select"},
    ),
    "anything may be chosen": Mutation(
        lambda patch: patch.setattr(choosing, "_one", lambda _w, _e, _f, chosen: chosen),
        test_workspace_elements.test_a_choice_in_a_message_is_in_the_action_and_the_state,
        {"named": "users_select"},
    ),
    "blocks of any kind": Mutation(
        constant(validate, "message_problems", lambda _: []),
        test_workspace_errors.test_invalid_blocks_say_where_and_why,
    ),
    "headers of any length": Mutation(
        constant(test_workspace_blocks, "message_problems", lambda _: []),
        test_workspace_blocks.test_a_block_limit_holds_at_n_and_not_beyond,
        dict(zip(("limit", "build"), test_workspace_blocks.BLOCK_LIMITS["header"], strict=True)),
    ),
    "an undocumented error": Mutation(
        undocumented_error, test_workspace_errors.test_another_apps_message_cannot_be_updated_or_deleted
    ),
}


async def _nothing(*_: Any) -> None:
    return


async def run(mutation: Mutation) -> None:
    """The test with fresh surroundings, as its arguments name them."""
    wanted = inspect.signature(mutation.noticed_by).parameters
    async with AsyncExitStack() as stack:
        made: dict[str, Any] = dict(mutation.given)
        if "receiver" in wanted or mutation.noticed_by.__module__.endswith("http_mode"):
            receiver = await stack.enter_async_context(test_workspace_http_mode.receiving())
            app_manifest = manifest(url=receiver.url, events=["app_mention"])
            made |= {"receiver": receiver, "wire": await stack.enter_async_context(installed(app_manifest))}
        elif "wire" in wanted:
            made["wire"] = await stack.enter_async_context(installed())
        if "app" in wanted:
            made["app"] = await stack.enter_async_context(socket_app(made["wire"]))
        outcome = mutation.noticed_by(**{name: value for name, value in made.items() if name in wanted})
        if outcome is not None:
            await outcome


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
async def test_a_broken_stand_in_fails_the_test_of_its_rule(mutation: Mutation, monkeypatch: Patch) -> None:
    await run(mutation)
    mutation.break_it(monkeypatch)
    with pytest.raises(NOTICED):
        await run(mutation)
