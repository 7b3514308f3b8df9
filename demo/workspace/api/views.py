"""views.*: opening, pushing, updating modals; publishing the Home tab."""

from demo.workspace import Json
from demo.workspace.api.call import Call
from demo.workspace.api.registry import method
from demo.workspace.errors import SlackError, explained

_TRIGGER_ERRORS = "duplicate_external_id exchanged_trigger_id expired_trigger_id invalid_trigger_id view_too_large"


@method("views.open", "t4", required="view", optional="trigger_id interactivity_pointer", raises=_TRIGGER_ERRORS)
async def open_(call: Call) -> Json:
    """Within three seconds of what the person did, once."""
    record = call.stand_in.modals.open(call.app, _trigger(call), _view(call))
    return {"view": record.slack_shape()}


@method(
    "views.push",
    "t4",
    required="view",
    optional="trigger_id interactivity_pointer",
    raises=_TRIGGER_ERRORS + " push_limit_reached not_found",
)
async def push(call: Call) -> Json:
    record = call.stand_in.modals.push(call.app, _trigger(call), _view(call))
    return {"view": record.slack_shape()}


@method(
    "views.update",
    "t4",
    required="view",
    optional="view_id external_id hash",
    raises="duplicate_external_id hash_conflict not_found view_too_large",
)
async def update(call: Call) -> Json:
    """By `view_id` or `external_id`; with a `hash`, only if nobody changed it since."""
    if not call.has("view_id") and not call.has("external_id"):
        raise explained("invalid_arguments", ["missing required field: view_id"])
    record = call.stand_in.modals.find(call.app, call.text("view_id"), call.text("external_id"))
    updated = call.stand_in.modals.update(call.app, record, _view(call), call.text("hash"))
    return {"view": updated.slack_shape()}


@method(
    "views.publish",
    "t4",
    required="user_id view",
    optional="hash interactivity_pointer",
    raises="duplicate_external_id hash_conflict not_enabled view_too_large",
)
async def publish(call: Call) -> Json:
    if not call.app.has_home:
        raise SlackError("not_enabled")
    person = call.world.state.people.get(call.text("user_id"))
    if person is None or person.is_bot:
        raise explained("invalid_arguments", ["invalid user_id"])
    record = call.stand_in.modals.publish(call.app, person.id, _view(call), call.text("hash"))
    return {"view": record.slack_shape()}


def _trigger(call: Call) -> str:
    """An interactivity pointer is the same thing by its newer name."""
    given = call.text("trigger_id") or call.text("interactivity_pointer")
    if not given:
        raise explained("invalid_arguments", ["missing required field: trigger_id"])
    return given


def _view(call: Call) -> object:
    return call.structured("view", "invalid_arguments")
