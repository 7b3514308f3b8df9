"""Events to the apps that subscribed to them, tried again at once, after a minute and after five."""

import copy
import re
from datetime import timedelta

from demo.workspace import Json, identifiers
from demo.workspace.deliver.deliveries import Deliveries, Parcel
from demo.workspace.state.apps import InstalledApp
from demo.workspace.state.channels import Channel
from demo.workspace.state.world import World

RETRY_AFTER = (timedelta(), timedelta(minutes=1), timedelta(minutes=5))
_MENTION = re.compile(r"<@(U\w+)(?:\|[^>]*)?>")


class Events:
    """Tells apps what happened."""

    def __init__(self, world: World, deliveries: Deliveries) -> None:
        self._world, self._deliveries = world, deliveries

    def message_posted(self, channel: Channel, message: Json) -> None:
        """`message.*` for subscribers in the channel; `app_mention` for the bot that is named."""
        if message.get("subtype") == "tombstone":
            return
        for app in self._present(channel):
            event = {**message, "channel": channel.id, "event_ts": message["ts"], "channel_type": _type(channel)}
            if app.hears(channel.message_event):
                self._tell(app, event)
            mentioned = app.bot_user_id in _MENTION.findall(str(message.get("text", "")))
            by_itself = message.get("app_id") == app.id
            if mentioned and not by_itself and not channel.is_im and app.hears("app_mention"):
                mention = {k: v for k, v in event.items() if k != "channel_type"}
                self._tell(app, {**mention, "type": "app_mention"})

    def message_changed(self, channel: Channel, message: Json, previous: Json, ts: str) -> None:
        event = {
            "type": "message",
            "subtype": "message_changed",
            "message": message,
            "previous_message": previous,
            "channel": channel.id,
            "hidden": True,
            "ts": ts,
            "event_ts": ts,
            "channel_type": _type(channel),
        }
        self._tell_all(channel, channel.message_event, event)

    def message_deleted(self, channel: Channel, previous: Json, ts: str) -> None:
        event = {
            "type": "message",
            "subtype": "message_deleted",
            "previous_message": previous,
            "deleted_ts": previous["ts"],
            "channel": channel.id,
            "hidden": True,
            "ts": ts,
            "event_ts": ts,
            "channel_type": _type(channel),
        }
        self._tell_all(channel, channel.message_event, event)

    def reaction(self, kind: str, channel: Channel, message: Json, user: str, name: str) -> None:
        """`kind` is `reaction_added` or `reaction_removed`."""
        event = {
            "type": kind,
            "user": user,
            "reaction": name,
            "item": {"type": "message", "channel": channel.id, "ts": message["ts"]},
            "item_user": message.get("user", ""),
            "event_ts": self._now(),
        }
        self._tell_all(channel, kind, event)

    def member_moved(self, kind: str, channel: Channel, user: str, inviter: str | None = None) -> None:
        """`kind` is `member_joined_channel` or `member_left_channel`."""
        event: Json = {
            "type": kind,
            "user": user,
            "channel": channel.id,
            "channel_type": "G" if channel.is_private else "C",
            "team": self._world.state.team_id,
            "event_ts": self._now(),
        }
        self._tell_all(channel, kind, event | ({"inviter": inviter} if inviter else {}))

    def channel_changed(self, kind: str, room: Channel, **fields: object) -> None:
        """`channel_rename`, `channel_archive` or `channel_unarchive`; of private channels nothing is told."""
        if not room.is_private:
            self._tell_everybody(kind, {"type": kind, **fields, "event_ts": self._now()})

    def person_changed(self, user: Json) -> None:
        event = {"type": "user_change", "user": user, "cache_ts": int(self._world.clock.now()), "event_ts": self._now()}
        self._tell_everybody("user_change", event)

    def group_changed(self, group_id: str, *, added: list[str], removed: list[str]) -> None:
        now = int(self._world.clock.now())
        event = {
            "type": "subteam_members_changed",
            "subteam_id": group_id,
            "team_id": self._world.state.team_id,
            "date_previous_update": now,
            "date_update": now,
            "added_users": added,
            "added_users_count": len(added),
            "removed_users": removed,
            "removed_users_count": len(removed),
            "event_ts": self._now(),
        }
        self._tell_everybody("subteam_members_changed", event)

    def tokens_revoked(self, app: InstalledApp) -> None:
        if app.hears("tokens_revoked"):
            tokens = {"oauth": [], "bot": [app.bot_user_id]}
            self._tell(app, {"type": "tokens_revoked", "tokens": tokens, "event_ts": self._now()})

    def home_opened(self, app: InstalledApp, user: str, channel: str, view: Json | None) -> None:
        event: Json = {
            "type": "app_home_opened",
            "user": user,
            "channel": channel,
            "tab": "home",
            "event_ts": self._now(),
        }
        if app.hears("app_home_opened"):
            self._tell(app, event | ({"view": view} if view else {}))

    def _present(self, channel: Channel) -> list[InstalledApp]:
        return [app for app in self._world.state.apps.values() if app.bot_user_id in channel.members]

    def _tell_all(self, channel: Channel, subscription: str, event: Json) -> None:
        for app in self._present(channel):
            if app.hears(subscription):
                self._tell(app, event)

    def _tell_everybody(self, subscription: str, event: Json) -> None:
        """What concerns the whole team."""
        for app in self._world.state.apps.values():
            if app.hears(subscription):
                self._tell(app, event)

    def _now(self) -> str:
        return f"{self._world.clock.now():.6f}"

    def _tell(self, app: InstalledApp, event: Json) -> None:
        self._deliveries.in_background(self._deliver(app, self._callback(app, copy.deepcopy(event))))

    def _callback(self, app: InstalledApp, event: Json) -> Json:
        team = self._world.state.team_id
        return {
            "token": app.verification_token,
            "team_id": team,
            "api_app_id": app.id,
            "event": event,
            "type": "event_callback",
            "event_id": identifiers.identifier("Ev"),
            "event_time": int(self._world.clock.now()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": team,
                    "user_id": app.bot_user_id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": identifiers.identifier("EC"),
        }

    async def _deliver(self, app: InstalledApp, callback: Json) -> None:
        """The same event id on each attempt: a subscriber recognises what it has seen."""
        ack = await self._deliveries.hand_over(app, Parcel("events_api", callback, app.events_url))
        for attempt, pause in enumerate(RETRY_AFTER, start=1):
            if ack.ok or not ack.may_retry:
                return
            await self._world.clock.sleep(pause)
            parcel = Parcel("events_api", callback, app.events_url, attempt, ack.reason)
            ack = await self._deliveries.hand_over(app, parcel)


def _type(channel: Channel) -> str:
    return {"im": "im", "groups": "group", "channels": "channel"}[channel.history_scope]
