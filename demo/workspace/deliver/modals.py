"""Modals and Home tabs: the stack of three, hashes, and who may change which view."""

import json
from typing import Any

from demo.workspace import Json, identifiers
from demo.workspace.blocks import validate
from demo.workspace.blocks.identify import with_ids
from demo.workspace.deliver.triggers import Trigger, Triggers
from demo.workspace.errors import SlackError, explained
from demo.workspace.state.apps import InstalledApp
from demo.workspace.state.views import STACK_LIMIT, ViewRecord
from demo.workspace.state.world import World

VIEW_LIMIT_BYTES = 250_000


class Modals:
    """Every move on views, whether a method or an answer to a submission asks for it."""

    def __init__(self, world: World, triggers: Triggers) -> None:
        self._world, self._triggers = world, triggers

    def open(self, app: InstalledApp, trigger_id: str, content: Any) -> ViewRecord:
        """A new stack for the person who caused the trigger.

        Raises: SlackError for a bad trigger or view.
        """
        self.check(app, content, "modal")
        trigger = self._triggers.exchange(app.id, trigger_id)
        self.clear(trigger.user)
        return self._place(app, trigger.user, content)

    def push(self, app: InstalledApp, trigger_id: str, content: Any) -> ViewRecord:
        """One more on top of the view the trigger came from.

        Raises: SlackError push_limit_reached, not_found, or as `open`.
        """
        self.check(app, content, "modal")
        trigger = self._triggers.exchange(app.id, trigger_id)
        self._check_room(trigger)
        return self._place(app, trigger.user, content)

    def push_onto(self, app: InstalledApp, user: str, content: Any) -> ViewRecord:
        """A push as the answer to a submission.

        Raises: SlackError.
        """
        self.check(app, content, "modal")
        if len(self._world.state.stacks.get(user, [])) >= STACK_LIMIT:
            raise SlackError("push_limit_reached")
        return self._place(app, user, content)

    def update(self, app: InstalledApp, record: ViewRecord, content: Any, expected_hash: str = "") -> ViewRecord:
        """Raises: SlackError hash_conflict when the view changed since the caller saw it."""
        if expected_hash and expected_hash != record.hash:
            raise SlackError("hash_conflict")
        self.check(app, content, record.kind, replacing=record)
        record.replace({**content, "blocks": with_ids(content["blocks"])}, self._world.clock.now())
        self._world.changed(views=True)
        return record

    def publish(self, app: InstalledApp, user: str, content: Any, expected_hash: str = "") -> ViewRecord:
        """The person's Home tab, replaced or made."""
        current = self._world.state.views.get(self._world.state.homes.get(f"{app.id}:{user}", ""))
        if current is not None:
            return self.update(app, current, content, expected_hash)
        self.check(app, content, "home")
        record = self._record(app, user, content)
        self._world.state.homes[f"{app.id}:{user}"] = record.id
        self._world.changed(views=True)
        return record

    def find(self, app: InstalledApp, view_id: str, external_id: str) -> ViewRecord:
        """An open view of this app.

        Raises: SlackError not_found.
        """
        for record in self._world.state.views.values():
            named = record.content.get("external_id") or None
            if record.app_id == app.id and (record.id == view_id or (external_id and named == external_id)):
                return record
        raise SlackError("not_found")

    def close_top(self, user: str) -> None:
        stack = self._world.state.stacks.get(user, [])
        if stack:
            del self._world.state.views[stack.pop()]
        self._world.changed(views=True)

    def clear(self, user: str) -> None:
        for view_id in self._world.state.stacks.pop(user, []):
            del self._world.state.views[view_id]
        self._world.changed(views=True)

    def check(self, app: InstalledApp, content: Any, kind: str, replacing: ViewRecord | None = None) -> None:
        """Raises: SlackError invalid_arguments, view_too_large or duplicate_external_id."""
        found = validate.view_problems(content, kind)
        if found:
            raise explained("invalid_arguments", found)
        if len(json.dumps(content).encode()) > VIEW_LIMIT_BYTES:
            raise SlackError("view_too_large")
        external_id = content.get("external_id")
        others = [v for v in self._world.state.views.values() if v.app_id == app.id and v is not replacing]
        if external_id and any(v.content.get("external_id") == external_id for v in others):
            raise SlackError("duplicate_external_id")

    def _check_room(self, trigger: Trigger) -> None:
        stack = self._world.state.stacks.get(trigger.user, [])
        if trigger.view_id not in stack:
            raise SlackError("not_found")
        if len(stack) >= STACK_LIMIT:
            raise SlackError("push_limit_reached")

    def _place(self, app: InstalledApp, user: str, content: Json) -> ViewRecord:
        record = self._record(app, user, content)
        self._world.state.stacks.setdefault(user, []).append(record.id)
        self._world.changed(views=True)
        return record

    def _record(self, app: InstalledApp, user: str, content: Json) -> ViewRecord:
        view_id = identifiers.identifier("V")
        stack = self._world.state.stacks.get(user, []) if content["type"] == "modal" else []
        record = ViewRecord(
            id=view_id,
            app_id=app.id,
            bot_id=app.bot_id,
            team_id=self._world.state.team_id,
            user=user,
            kind=str(content["type"]),
            content={},
            root_view_id=stack[0] if stack else view_id,
            previous_view_id=stack[-1] if stack else None,
        )
        record.replace({**content, "blocks": with_ids(content["blocks"])}, self._world.clock.now())
        self._world.state.views[view_id] = record
        return record
