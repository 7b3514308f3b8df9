"""Submitting and closing modals, and what the app answers to it."""

from typing import Any

from demo.workspace import Json
from demo.workspace.deliver.choosing import NotOfferedError, value_given
from demo.workspace.deliver.deliveries import Ack, Deliveries, Parcel
from demo.workspace.deliver.interactions import frame
from demo.workspace.deliver.modals import Modals
from demo.workspace.deliver.triggers import Triggers
from demo.workspace.errors import SlackError
from demo.workspace.filling import form_errors
from demo.workspace.state.apps import InstalledApp
from demo.workspace.state.people import Person
from demo.workspace.state.views import ViewRecord, stateful_elements
from demo.workspace.state.world import World

TROUBLE = "We had some trouble connecting. Try again?"


class Submissions:
    """What happens when a person presses Submit, Cancel or the cross."""

    def __init__(self, world: World, deliveries: Deliveries, triggers: Triggers, modals: Modals) -> None:
        self._world, self._deliveries, self._triggers, self._modals = world, deliveries, triggers, modals

    async def submit(self, person: Person, record: ViewRecord, filled: Json) -> Json:
        """`filled` is `{block_id: {action_id: state value}}`. The form's own rules are checked before the app is asked.

        Raises: NotOfferedError.
        """
        _fill(self._world, record, filled)
        errors = form_errors(record.content["blocks"], record.values)
        if errors:
            return {"ok": True, "response_action": "errors", "errors": errors, "ack": {"ok": True}}
        app = self._world.state.apps[record.app_id]
        payload = {
            **frame(self._world, "view_submission", app, person),
            "trigger_id": self._triggers.mint(app.id, person.id, record.id),
            "view": record.slack_shape(),
            "response_urls": [],
        }
        ack = await self._deliveries.hand_over(app, Parcel("interactive", payload, app.interactivity_url))
        return self._obey(ack, app, person, record)

    async def close(self, person: Person, record: ViewRecord, *, whole_stack: bool) -> None:
        """Cancel closes one view; the cross, or `clear_on_close`, the whole stack."""
        stack = self._world.state.stacks.get(person.id, [])
        whole_stack = whole_stack or bool(record.content.get("clear_on_close"))
        closing = [self._world.state.views[v] for v in reversed(stack)] if whole_stack else [record]
        payloads = [(v, self._closed(person, v, cleared=whole_stack)) for v in closing]
        if whole_stack:
            self._modals.clear(person.id)
        else:
            self._modals.close_top(person.id)
        for view, payload in payloads:
            if view.content.get("notify_on_close"):
                app = self._world.state.apps[view.app_id]
                await self._deliveries.hand_over(app, Parcel("interactive", payload, app.interactivity_url))

    def _closed(self, person: Person, record: ViewRecord, *, cleared: bool) -> Json:
        app = self._world.state.apps[record.app_id]
        return {
            **frame(self._world, "view_closed", app, person),
            "view": record.slack_shape(),
            "is_cleared": cleared,
        }

    def _obey(self, ack: Ack, app: InstalledApp, person: Person, record: ViewRecord) -> Json:
        """Do what the app answered; an answer Slack would not understand leaves the modal open."""
        if not ack.ok:
            return {"ok": True, "ack": ack.as_json() | {"text": TROUBLE}}
        asked = ack.payload.get("response_action")
        try:
            told = self._perform(asked, ack.payload, app, person, record)
        except SlackError as refusal:
            detail = {"detail": refusal.answer()}
            return {"ok": True, "ack": {"ok": False, "error": "invalid_response", "text": TROUBLE, **detail}}
        return {"ok": True, "ack": {"ok": True}, **told}

    def _perform(self, asked: Any, body: Json, app: InstalledApp, person: Person, record: ViewRecord) -> Json:
        """Raises: SlackError for an answer that makes no sense."""
        if asked is None:
            self._close_submitted(person, record)
            return {}
        if asked == "errors":
            return {"response_action": "errors", "errors": _checked_errors(body.get("errors"), record)}
        if asked == "clear":
            self._modals.clear(person.id)
        elif asked == "update":
            self._modals.update(app, record, body.get("view"))
        elif asked == "push":
            self._modals.push_onto(app, person.id, body.get("view"))
        else:
            raise SlackError("invalid_arguments")
        return {"response_action": asked}

    def _close_submitted(self, person: Person, record: ViewRecord) -> None:
        """Only if it is still on top: the app may have replaced the stack meanwhile."""
        if self._world.state.stacks.get(person.id, [])[-1:] == [record.id]:
            self._modals.close_top(person.id)


def _fill(world: World, record: ViewRecord, filled: Json) -> None:
    elements = {(b["block_id"], e["action_id"]): e for b in record.content["blocks"] for e in stateful_elements(b)}
    for block_id, by_action in filled.items():
        for action_id, given in by_action.items():
            element = elements.get((block_id, action_id))
            if element is None:
                raise NotOfferedError(f"the modal has no input {block_id!r}/{action_id!r}")
            value = {"type": element["type"], **value_given(world, element, given)}
            record.values.setdefault(block_id, {})[action_id] = value


def _checked_errors(errors: Any, record: ViewRecord) -> Json:
    """Raises: SlackError when an error names no input block: Slack could not show it anywhere."""
    inputs = {b["block_id"] for b in record.content["blocks"] if b["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
        raise SlackError("invalid_arguments")
    return errors
