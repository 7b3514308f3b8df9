"""chat.scheduleMessage and its company: messages that wait for their time."""

from datetime import timedelta

from demo.workspace import Json, identifiers
from demo.workspace.api.call import Call
from demo.workspace.api.chat import CONTENT_ERRORS, check_as, content_of, destination, thread_of
from demo.workspace.api.paging import page
from demo.workspace.api.registry import method
from demo.workspace.composing import TEXT_TRUNCATED_AT
from demo.workspace.errors import SlackError
from demo.workspace.state.channels import Channel
from demo.workspace.state.world import ScheduledMessage

SCHEDULE_HORIZON = timedelta(days=120)
SCHEDULED_PER_FIVE_MINUTES = 30
LIST_MAX = 1000
_TRUNCATED: Json = {"warning": "message_truncated", "response_metadata": {"warnings": ["message_truncated"]}}


@method(
    "chat.scheduleMessage",
    "t3",
    required="channel post_at",
    optional="""text blocks attachments metadata markdown_text thread_ts reply_broadcast unfurl_links unfurl_media
        parse link_names as_user""",
    scopes="chat:write",
    raises=CONTENT_ERRORS + " msg_too_long invalid_time time_in_past time_too_far restricted_too_many",
)
async def schedule_message(call: Call) -> Json:
    """At most 120 days ahead, and 30 in any five minutes of a channel."""
    channel = destination(call)
    content = content_of(call)
    check_as(content, {"msg_blocks_too_long": "msg_too_long"})
    post_at = _post_at(call)
    _check_crowding(call, channel, post_at)
    scheduled = ScheduledMessage(
        id=identifiers.identifier("Q"),
        app_id=call.app.id,
        channel=channel.id,
        post_at_seconds=post_at,
        created_seconds=int(call.now),
        message=content.fields() | thread_of(call, channel),
    )
    call.world.state.scheduled[scheduled.id] = scheduled
    call.stand_in.scheduler.start(scheduled)
    call.world.changed(state=True)
    preview = {"type": "delayed_message", "bot_id": call.app.bot_id, **scheduled.message}
    told = {"channel": channel.id, "scheduled_message_id": scheduled.id, "post_at": post_at, "message": preview}
    return told | (_TRUNCATED if len(content.text) > TEXT_TRUNCATED_AT else {})


@method(
    "chat.deleteScheduledMessage",
    "t3",
    required="channel scheduled_message_id",
    optional="as_user",
    scopes="chat:write",
    raises="channel_not_found invalid_scheduled_message_id",
)
async def delete_scheduled_message(call: Call) -> Json:
    channel = call.channel()
    scheduled = call.world.state.scheduled.get(call.text("scheduled_message_id"))
    if scheduled is None or (scheduled.app_id, scheduled.channel) != (call.app.id, channel.id):
        raise SlackError("invalid_scheduled_message_id")
    del call.world.state.scheduled[scheduled.id]
    call.world.changed(state=True)
    return {}


@method(
    "chat.scheduledMessages.list",
    "t3",
    optional="channel cursor latest limit oldest team_id",
    raises="invalid_channel",
)
async def list_scheduled(call: Call) -> Json:
    """The next ones first, `oldest` and `latest` bound when they are due."""
    if call.has("channel") and call.text("channel") not in call.world.state.channels:
        raise SlackError("invalid_channel")
    soonest = call.number("oldest", 0, at_most=10**11)
    last = call.number("latest", 10**11, at_most=10**11)
    waiting = [s for s in call.world.state.scheduled.values() if s.app_id == call.app.id]
    listed = [
        {
            "id": s.id,
            "channel_id": s.channel,
            "post_at": s.post_at_seconds,
            "date_created": s.created_seconds,
            "text": s.message["text"],
        }
        for s in sorted(waiting, key=lambda s: s.post_at_seconds)
        if call.text("channel", s.channel) == s.channel and soonest <= s.post_at_seconds <= last
    ]
    shown, next_cursor = page(call, listed, LIST_MAX, cursor_error="invalid_arguments")
    return {"scheduled_messages": shown, "response_metadata": {"next_cursor": next_cursor}}


def _post_at(call: Call) -> int:
    try:
        post_at = int(call.text("post_at"))
    except ValueError as error:
        raise SlackError("invalid_time") from error
    if post_at <= call.now:
        raise SlackError("time_in_past")
    if post_at > call.now + SCHEDULE_HORIZON.total_seconds():
        raise SlackError("time_too_far")
    return post_at


def _check_crowding(call: Call, channel: Channel, post_at: int) -> None:
    window_seconds = timedelta(minutes=5).total_seconds()
    others = [s for s in call.world.state.scheduled.values() if s.channel == channel.id]
    if sum(abs(s.post_at_seconds - post_at) < window_seconds for s in others) >= SCHEDULED_PER_FIVE_MINUTES:
        raise SlackError("restricted_too_many")
