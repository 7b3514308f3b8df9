"""files.*: the three-part upload, and what became of a file."""

from pathlib import PurePath

from demo.workspace import Json, identifiers
from demo.workspace.api.call import Call
from demo.workspace.api.registry import method
from demo.workspace.composing import Content, authored
from demo.workspace.errors import SlackError, explained
from demo.workspace.state import messages
from demo.workspace.state.channels import Channel
from demo.workspace.state.files import StoredFile

SIZE_LIMIT_BYTES = 1_000_000_000
ALT_TEXT_LIMIT = 1000


@method(
    "files.getUploadURLExternal", "t4", required="length filename", optional="alt_txt snippet_type",
    scopes="files:write", raises="alt_txt_too_large file_upload_size_restricted", takes_json=False,
)  # fmt: skip
async def get_upload_url(call: Call) -> Json:
    """First part: an address to post the bytes to."""
    size_bytes = call.number("length", 0, at_most=10**12)
    if size_bytes > SIZE_LIMIT_BYTES:
        raise SlackError("file_upload_size_restricted")
    if len(call.text("alt_txt")) > ALT_TEXT_LIMIT:
        raise SlackError("alt_txt_too_large")
    name = PurePath(call.text("filename")).name
    stored = StoredFile(
        id=identifiers.identifier("F"),
        name=name,
        title=name,
        size_bytes=size_bytes,
        user=call.app.bot_user_id,
        app_id=call.app.id,
        created_seconds=int(call.now),
    )
    call.world.state.files[stored.id] = stored
    call.world.changed(state=True)
    return {"upload_url": f"{call.world.base_url}upload/v1/{stored.id}", "file_id": stored.id}


@method(
    "files.completeUploadExternal", "t4", required="files",
    optional="channel_id channels thread_ts initial_comment blocks username icon_emoji icon_url",
    scopes="files:write",
    raises="file_not_found channel_not_found not_in_channel invalid_blocks",
)  # fmt: skip
async def complete_upload(call: Call) -> Json:
    """Third part: share what was uploaded, with a word if wanted."""
    asked = call.structured("files", "invalid_arguments")
    if not isinstance(asked, list) or not asked or not all(isinstance(f, dict) for f in asked):
        raise explained("invalid_arguments", ["files must be a list of objects with an id"])
    files = [_uploaded(call, entry) for entry in asked]
    for channel in _destinations(call):
        _share(call, channel, files)
    for stored in files:
        stored.is_complete = True
    call.world.changed(state=True)
    return {"files": [stored.slack_shape(call.world.base_url) for stored in files]}


@method(
    "files.info", "t4", required="file", optional="count cursor limit page", scopes="files:read",
    raises="file_not_found", takes_json=False,
)  # fmt: skip
async def info(call: Call) -> Json:
    stored = _complete(call)
    return {"file": stored.slack_shape(call.world.base_url), "comments": []}


@method(
    "files.list", "t3", optional="channel count page show_files_hidden_by_limit team_id ts_from ts_to types user",
    scopes="files:read", raises="user_not_found", takes_json=False,
)  # fmt: skip
async def list_(call: Call) -> Json:
    """Newest first, by numbered pages as this older method has them."""
    user = call.person().id if call.has("user") else None
    found = [
        f.slack_shape(call.world.base_url)
        for f in reversed(call.world.state.files.values())
        if f.is_complete and user in {None, f.user} and call.text("channel") in {"", *f.channels}
    ]
    count, number = call.number("count", 100, at_most=1000), call.number("page", 1, at_most=10**6)
    pages = -(-len(found) // count)
    paging = {"count": count, "total": len(found), "page": number, "pages": pages}
    return {"files": found[(number - 1) * count : number * count], "paging": paging}


@method("files.delete", "t3", required="file", scopes="files:write", raises="file_not_found cant_delete_file")
async def delete(call: Call) -> Json:
    """Messages that showed it keep a note that it is gone."""
    stored = _complete(call)
    if stored.app_id != call.app.id:
        raise SlackError("cant_delete_file")
    del call.world.state.files[stored.id]
    call.world.file_bytes.delete(stored.id)
    for channel in call.world.state.channels.values():
        for message in channel.messages.values():
            shown = message.get("files", [])
            shown[:] = [f if f["id"] != stored.id else {"id": f["id"], "mode": "tombstone"} for f in shown]
    call.world.changed(state=True)
    return {}


def _uploaded(call: Call, entry: Json) -> StoredFile:
    """Raises: SlackError file_not_found unless this app uploaded it and did not share it yet."""
    stored = call.world.state.files.get(str(entry.get("id")))
    if stored is None or stored.app_id != call.app.id or not stored.is_uploaded or stored.is_complete:
        raise SlackError("file_not_found")
    stored.title = str(entry.get("title") or stored.name)
    return stored


def _complete(call: Call) -> StoredFile:
    stored = call.world.state.files.get(call.text("file"))
    if stored is None or not stored.is_complete:
        raise SlackError("file_not_found")
    return stored


def _destinations(call: Call) -> list[Channel]:
    """Raises: SlackError channel_not_found or not_in_channel."""
    wanted = [call.text("channel_id")] if call.has("channel_id") else call.names("channels")
    found = []
    for channel_id in wanted:
        channel = call.world.state.channels.get(channel_id)
        if channel is None:
            raise SlackError("channel_not_found")
        if not call.is_member(channel):
            raise SlackError("not_in_channel")
        found.append(channel)
    return found


def _share(call: Call, channel: Channel, files: list[StoredFile]) -> None:
    content = Content(text=call.text("initial_comment"), blocks=call.structured("blocks", "invalid_arguments"))
    if content.blocks is not None:
        content.check()
    message = authored(call.app, channel, content, call.world.state.team_id, call.now)
    message["upload"] = True
    if call.text("thread_ts") in channel.messages:
        message["thread_ts"] = call.text("thread_ts")
    for stored in files:
        stored.channels.append(channel.id)
        share = {"ts": message["ts"], "channel_name": channel.name, "team_id": call.world.state.team_id}
        thread = {"thread_ts": message["thread_ts"]} if "thread_ts" in message else {}
        stored.shares.setdefault(channel.id, []).append(share | thread)
    message["files"] = [stored.slack_shape(call.world.base_url) for stored in files]
    messages.post(channel, message)
    call.stand_in.events.message_posted(channel, message)
    call.world.changed(channel=channel.id)
