"""Faults and time on request, for tests and for people who want to see the bot cope.

`POST /_workspace/fault {"kind": ...}` with, for the next `times` (1) calls of `method` (`*`): `ratelimited` (`seconds`
as Retry-After), `http_error` (`status`), `error` (`error`), `delay` (`seconds`), `duplicate` (worked twice, as after a
resend), `drop_before` and `drop_after` (the connection breaks before or after the work was done); for the next `times`
deliveries of `delivery` (`slash_commands`, `interactive`, `events_api` or `*`): `drop_deliveries`, `delay_deliveries`
(`seconds`), `duplicate_deliveries`, `reorder_deliveries` (the next one overtakes it), `lose_acks`; and at once:
`rate_limits` (`enabled`), `disconnect_sockets` (`reason`, `app_id`), `silence_sockets` (`enabled`: they stay open, and
neither payloads nor answers to pings come), `deactivate`, `reactivate`, `guest`, `single_channel_guest`, `stranger`,
`member` (`user`), `add_to_group` and `remove_from_group` (`user`, `group`), `leave_channel` (`user`, `channel`),
`archive` (`channel`), `expire_tokens` (`app_id`), `clear`.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from demo.workspace import Json, identifiers
from demo.workspace.api.registry import METHODS
from demo.workspace.control import asked
from demo.workspace.control.gate import ControlError
from demo.workspace.faults import CALL_FAULTS, DELIVERY_FAULTS, Fault
from demo.workspace.state.people import Person

if TYPE_CHECKING:
    from demo.workspace.stand_in import StandIn

Act = Callable[[Json], Awaitable[None]]
FOREIGN_TEAM = "T0STRANGER"
_BESIDE: dict[str, tuple[str, ...]] = {
    "ratelimited": ("seconds",),
    "http_error": ("status",),
    "error": ("error",),
    "delay": ("seconds",),
    "delay_deliveries": ("seconds",),
    "rate_limits": ("enabled",),
    "silence_sockets": ("enabled",),
    "disconnect_sockets": ("reason",),
    **dict.fromkeys(("deactivate", "reactivate", "guest", "single_channel_guest", "stranger", "member"), ("user",)),
    **dict.fromkeys(("add_to_group", "remove_from_group"), ("user", "group")),
    "leave_channel": ("user", "channel"),
    "archive": ("channel",),
    "expire_tokens": ("app_id",),
}
"""What a kind of fault is asked for with, beside its target."""
_DELIVERIES = {"slash_commands", "interactive", "events_api", "*"}


class Faulting:
    """Plans what goes wrong next, or changes the world at once."""

    def __init__(self, stand_in: "StandIn") -> None:
        self._stand_in, self._world = stand_in, stand_in.world
        self._at_once: dict[str, Act] = {
            "rate_limits": self._rate_limits,
            "disconnect_sockets": self._disconnect,
            "silence_sockets": self._silence,
            "deactivate": self._marker(deleted=True),
            "reactivate": self._marker(deleted=False),
            "guest": self._marker(is_restricted=True),
            "single_channel_guest": self._marker(is_restricted=True, is_ultra_restricted=True),
            "stranger": self._marker(is_stranger=True, home_team=FOREIGN_TEAM),
            "member": self._marker(is_restricted=False, is_ultra_restricted=False, is_stranger=False, home_team=""),
            "add_to_group": self._add_to_group,
            "remove_from_group": self._remove_from_group,
            "leave_channel": self._leave_channel,
            "archive": self._archive,
            "expire_tokens": self._expire_tokens,
            "clear": self._clear,
        }

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_workspace/faults", self.known),
            web.post("/_workspace/fault", self.fault),
            web.post("/_workspace/clock", self.clock),
        ]

    def kinds(self) -> dict[str, list[str]]:
        """Every kind of fault, with the fields it is asked for with."""
        calls = {kind: ["method", "times", *_BESIDE.get(kind, ())] for kind in CALL_FAULTS}
        late = {kind: ["delivery", "times", *_BESIDE.get(kind, ())] for kind in DELIVERY_FAULTS}
        return dict(sorted((calls | late | {kind: list(_BESIDE.get(kind, ())) for kind in self._at_once}).items()))

    async def known(self, _: web.Request) -> web.Response:
        """What there is to choose from, for the page."""
        groups = [{"id": group.id, "name": group.name} for group in self._world.state.groups.values()]
        there = {"kinds": self.kinds(), "methods": sorted(METHODS), "deliveries": sorted(_DELIVERIES), "groups": groups}
        return web.json_response(there)

    async def fault(self, request: web.Request) -> web.Response:
        ask = await asked.body(request)
        kind = str(asked.needed(ask, "kind"))
        if kind in CALL_FAULTS | DELIVERY_FAULTS:
            self._stand_in.faults.plan(_planned(kind, ask))
            self._world.changed(state=True)
        elif kind in self._at_once:
            await self._at_once[kind](ask)
            self._world.changed(state=True)
        else:
            known = ", ".join(self.kinds())
            raise ControlError(400, "unknown_fault", f"no fault {kind!r}; there are {known}")
        return web.json_response({"ok": True})

    async def clock(self, request: web.Request) -> web.Response:
        """`advance_seconds` skips time, `speed` makes it pass faster."""
        ask, clock = await asked.body(request), self._world.clock
        try:
            if "speed" in ask:
                clock.run_at(float(ask["speed"]))
            else:
                clock.advance(timedelta(seconds=float(asked.needed(ask, "advance_seconds"))))
        except (TypeError, ValueError, OverflowError) as error:
            raise ControlError(400, "invalid_time", f"the clock: {error}") from error
        self._world.changed(state=True)
        return web.json_response({"ok": True, "clock_offset_seconds": self._world.clock.offset.total_seconds()})

    async def _rate_limits(self, ask: Json) -> None:
        self._stand_in.limits.enabled = bool(asked.needed(ask, "enabled"))

    async def _silence(self, ask: Json) -> None:
        self._stand_in.sockets.silent = bool(asked.needed(ask, "enabled"))

    async def _disconnect(self, ask: Json) -> None:
        await self._stand_in.sockets.disconnect(ask.get("app_id"), str(ask.get("reason", "refresh_requested")))

    def _marker(self, **flags: object) -> Act:
        async def mark(ask: Json) -> None:
            person = self._person(ask)
            for name, value in flags.items():
                setattr(person, name, value)
            person.updated_seconds = int(self._world.clock.now())
            self._stand_in.events.person_changed(person.slack_shape(self._world.state.team_id, with_email=False))

        return mark

    async def _add_to_group(self, ask: Json) -> None:
        users, user = self._group_users(ask), self._person(ask).id
        if user not in users:
            users.append(user)
            self._stand_in.events.group_changed(ask["group"], added=[user], removed=[])

    async def _remove_from_group(self, ask: Json) -> None:
        users, user = self._group_users(ask), self._person(ask).id
        if user not in users:
            raise ControlError(400, "not_in_group", f"{user} is not in {ask['group']}")
        users.remove(user)
        self._stand_in.events.group_changed(ask["group"], added=[], removed=[user])

    async def _leave_channel(self, ask: Json) -> None:
        channel = self._world.channel_named(str(asked.needed(ask, "channel")))
        if channel is None or ask.get("user") not in channel.members:
            raise ControlError(404, "not_in_channel", f"{ask.get('user')} is not in {ask['channel']}")
        self._stand_in.rooms.dismiss(channel, ask["user"])

    async def _archive(self, ask: Json) -> None:
        channel = self._world.channel_named(str(asked.needed(ask, "channel")))
        if channel is None:
            raise ControlError(404, "channel_not_found", f"there is no channel {ask['channel']!r}")
        self._stand_in.rooms.archive(channel, channel.creator, is_archived=True)

    async def _expire_tokens(self, ask: Json) -> None:
        """The app's bot token is replaced; the old one is worth nothing from now on."""
        app = self._world.state.apps.get(str(asked.needed(ask, "app_id")))
        if app is None:
            raise ControlError(404, "app_not_found", f"no app {ask['app_id']!r} is installed")
        self._stand_in.events.tokens_revoked(app)
        app.bot_token = identifiers.bot_token()

    async def _clear(self, _: Json) -> None:
        self._stand_in.faults.clear()
        self._stand_in.limits.enabled = True
        self._stand_in.sockets.silent = False

    def _person(self, ask: Json) -> Person:
        return asked.person(self._world, asked.needed(ask, "user"))

    def _group_users(self, ask: Json) -> list[str]:
        group = self._world.state.groups.get(str(asked.needed(ask, "group")))
        if group is None:
            raise ControlError(404, "group_not_found", f"there is no user group {ask['group']!r}")
        return group.users


def _planned(kind: str, ask: Json) -> Fault:
    """Raises: ControlError for a target that does not exist, which would never be hit."""
    is_call = kind in CALL_FAULTS
    target = str(ask.get("method" if is_call else "delivery", "*"))
    if target not in ({*METHODS, "*"} if is_call else _DELIVERIES):
        raise ControlError(400, "unknown_target", f"nothing here is called {target!r}")
    try:
        return Fault(
            kind=kind,
            target=target,
            times=int(ask.get("times", 1)),
            seconds=float(ask.get("seconds", 1)),
            status=int(ask.get("status", 503)),
            error=str(ask.get("error", "internal_error")),
        )
    except (TypeError, ValueError) as error:
        raise ControlError(400, "invalid_fault", f"a number is none: {error}") from error
