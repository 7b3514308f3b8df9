"""chat.*: posting, editing, deleting, whispering."""

import copy

from demo.workspace import Json
from demo.workspace.api.call import Call
from demo.workspace.api.registry import method
from demo.workspace.composing import UPDATE_TEXT_LIMIT, Content, authored, truncated
from demo.workspace.errors import SlackError
from demo.workspace.state import messages
from demo.workspace.state.channels import Channel

EPHEMERAL_TEXT_LIMIT = 40_000

CONTENT_ERRORS = """invalid_blocks invalid_blocks_format invalid_metadata_format invalid_metadata_schema is_archived
    markdown_text_conflict metadata_too_large no_text not_in_channel channel_not_found too_many_attachments"""


@method(
    "chat.postMessage",
    "t5",
    required="channel",
    optional="""text blocks attachments metadata markdown_text thread_ts reply_broadcast unfurl_links unfurl_media
        mrkdwn parse link_names username icon_emoji icon_url as_user current_draft_last_updated_ts""",
    scopes="chat:write",
    raises=CONTENT_ERRORS + " msg_blocks_too_long cannot_reply_to_message",
)
async def post_message(call: Call) -> Json:
    """A name works beside an id here, and a person's id opens the direct message."""
    channel = destination(call)
    content = content_of(call)
    content.check()
    message = _signed(call, authored(call.app, channel, content, call.world.state.team_id, call.now))
    _put_in_thread(call, channel, message)
    messages.post(channel, message)
    call.stand_in.events.message_posted(channel, message)
    call.world.changed(channel=channel.id)
    return {"channel": channel.id, "ts": message["ts"], "message": _shown(message)}


@method(
    "chat.postEphemeral",
    "t4",
    required="channel user",
    optional="""text blocks attachments metadata markdown_text thread_ts parse link_names username icon_emoji icon_url
        as_user""",
    scopes="chat:write",
    raises="""invalid_blocks invalid_blocks_format is_archived markdown_text_conflict msg_too_long
        no_text not_in_channel channel_not_found too_many_attachments user_not_in_channel cannot_reply_to_message""",
)
async def post_ephemeral(call: Call) -> Json:
    """Only `user` sees it; its `message_ts` is good for nothing else."""
    channel = destination(call)
    if call.text("user") not in channel.members:
        raise SlackError("user_not_in_channel")
    content = content_of(call)
    if len(content.text) > EPHEMERAL_TEXT_LIMIT:
        raise SlackError("msg_too_long")
    check_as(content, {"msg_blocks_too_long": "msg_too_long"})
    message = _signed(call, authored(call.app, channel, content, call.world.state.team_id, call.now))
    message.update(thread_of(call, channel))
    messages.whisper(channel, call.text("user"), message)
    call.world.changed(channel=channel.id)
    return {"message_ts": message["ts"]}


@method(
    "chat.update",
    "t3",
    required="channel ts",
    optional="""text blocks attachments metadata markdown_text parse link_names reply_broadcast as_user file_ids
        unfurled_attachments""",
    scopes="chat:write",
    raises="""cant_update_message channel_not_found message_not_found msg_too_long no_text invalid_blocks
        invalid_blocks_format invalid_metadata_format invalid_metadata_schema metadata_too_large
        markdown_text_conflict too_many_attachments""",
)
async def update(call: Call) -> Json:
    """Only the app's own messages. Blocks, attachments and metadata stay unless given; an empty list removes them."""
    channel = call.channel()
    message = _own(call, channel, "cant_update_message")
    content = content_of(call)
    if len(content.text) > UPDATE_TEXT_LIMIT:
        raise SlackError("msg_too_long")
    check_as(content, {"msg_blocks_too_long": "msg_too_long"})
    previous = copy.deepcopy(message)
    for part in ("blocks", "attachments"):
        if getattr(content, part) is not None:
            message.pop(part, None)
    message.update(content.fields())
    edited_ts = channel.next_ts(call.now)
    message["edited"] = {"user": call.app.bot_user_id, "ts": edited_ts}
    call.stand_in.events.message_changed(channel, message, previous, edited_ts)
    call.world.changed(channel=channel.id)
    shown = {name: value for name, value in _shown(message).items() if name != "ts"}
    return {"channel": channel.id, "ts": message["ts"], "text": message["text"], "message": shown}


@method(
    "chat.delete",
    "t3",
    required="channel ts",
    optional="as_user",
    scopes="chat:write",
    raises="cant_delete_message channel_not_found message_not_found",
)
async def delete(call: Call) -> Json:
    channel = call.channel()
    message = _own(call, channel, "cant_delete_message")
    previous = copy.deepcopy(message)
    messages.remove(channel, message["ts"])
    call.stand_in.events.message_deleted(channel, previous, channel.next_ts(call.now))
    call.world.changed(channel=channel.id)
    return {"channel": channel.id, "ts": previous["ts"]}


@method(
    "chat.getPermalink",
    "t5",
    required="channel message_ts",
    raises="channel_not_found message_not_found",
    takes_json=False,
)
async def get_permalink(call: Call) -> Json:
    """The page opens the conversation named after `#`."""
    channel = call.channel()
    message = call.message(channel, "message_ts")
    thread = f"&thread={message['thread_ts']}" if message.get("thread_ts") else ""
    address = f"{call.world.base_url}#channel={channel.id}&ts={message['ts']}{thread}"
    return {"channel": channel.id, "permalink": address}


def destination(call: Call) -> Channel:
    """Raises: SlackError channel_not_found, not_in_channel or is_archived."""
    wanted = call.text("channel")
    person = call.world.state.people.get(wanted)
    if person is not None:
        return call.world.direct_message(person.id, call.app.bot_user_id)
    channel = call.world.channel_named(wanted)
    hidden = channel is not None and (channel.is_private or channel.is_im)
    if channel is None or (hidden and not call.is_member(channel)):
        raise SlackError("channel_not_found")
    if channel.is_archived:
        raise SlackError("is_archived")
    if not call.is_member(channel) and "chat:write.public" not in call.app.scopes:
        raise SlackError("not_in_channel")
    return channel


def content_of(call: Call) -> Content:
    return Content(
        text=call.text("text"),
        blocks=call.structured("blocks", "invalid_blocks_format"),
        attachments=call.structured("attachments", "invalid_arguments"),
        metadata=call.structured("metadata", "invalid_metadata_format"),
        markdown_text=call.text("markdown_text"),
    )


def check_as(content: Content, renamed: dict[str, str]) -> None:
    """The same fault has other names in some methods."""
    try:
        content.check()
    except SlackError as refusal:
        raise SlackError(renamed.get(refusal.code, refusal.code), **refusal.beside) from refusal


def _own(call: Call, channel: Channel, refusal: str) -> Json:
    message = call.message(channel)
    if message.get("app_id") != call.app.id:
        raise SlackError(refusal)
    return message


def _signed(call: Call, message: Json) -> Json:
    """A name or icon of its own, for apps that may choose one."""
    wanted = {name: call.text(name) for name in ("username", "icon_emoji", "icon_url") if call.has(name)}
    if not wanted:
        return message
    call.needs_scope("chat:write.customize")
    icons = {key.removeprefix("icon_"): value for key, value in wanted.items() if key != "username"}
    return message | ({"username": wanted["username"]} if "username" in wanted else {}) | {"icons": icons}


def thread_of(call: Call, channel: Channel) -> Json:
    """Raises: SlackError cannot_reply_to_message when there is nothing to reply to."""
    if not call.has("thread_ts"):
        return {}
    parent = channel.messages.get(call.text("thread_ts"))
    if parent is None:
        raise SlackError("cannot_reply_to_message")
    return {"thread_ts": parent.get("thread_ts", parent["ts"])}


def _put_in_thread(call: Call, channel: Channel, message: Json) -> None:
    message.update(thread_of(call, channel))
    if "thread_ts" in message and call.flag("reply_broadcast"):
        message["subtype"] = "thread_broadcast"


def _shown(message: Json) -> Json:
    """A copy for the answer; Slack leaves thread counts out of it."""
    hidden = {"reply_count", "reply_users", "reply_users_count", "latest_reply", "is_locked"}
    shown = {name: value for name, value in copy.deepcopy(message).items() if name not in hidden}
    return shown | {"text": truncated(str(shown["text"]))}
