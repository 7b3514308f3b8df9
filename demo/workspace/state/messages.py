"""Moves on a channel's messages: post, reply, edit, delete, and what each person can see."""

from demo.workspace import Json
from demo.workspace.state.channels import Channel, Ephemeral

TOMBSTONE = "This message was deleted."


def post(channel: Channel, message: Json) -> Json:
    """Keep a message and count it on its thread's parent. A reply to a reply goes to the thread's parent."""
    parent = channel.messages.get(str(message.get("thread_ts")))
    if parent is not None:
        message["thread_ts"] = parent.get("thread_ts", parent["ts"])
        _count_reply(channel.messages[message["thread_ts"]], message)
    channel.messages[message["ts"]] = message
    return message


def whisper(channel: Channel, user: str, message: Json) -> Json:
    """Keep a message that only `user` sees."""
    channel.ephemerals.append(Ephemeral(user=user, message=message | {"is_ephemeral": True}))
    return message


def remove(channel: Channel, ts: str) -> None:
    """Delete a message; a thread's parent leaves a tombstone so that its replies stay reachable."""
    message = channel.messages[ts]
    if message.get("reply_count"):
        message.update(subtype="tombstone", text=TOMBSTONE, user="USLACKBOT", hidden=True)
        for gone in ("blocks", "attachments", "metadata", "files", "bot_id", "app_id", "bot_profile"):
            message.pop(gone, None)
        return
    del channel.messages[ts]
    parent = channel.messages.get(str(message.get("thread_ts")))
    if parent is not None and parent is not message:
        _recount(channel, parent)


def replies(channel: Channel, parent_ts: str) -> list[Json]:
    return [m for m in channel.messages.values() if m.get("thread_ts") == parent_ts and m["ts"] != parent_ts]


def top_level(channel: Channel) -> list[Json]:
    """Messages outside threads, thread parents and broadcasts."""
    return [m for m in channel.messages.values() if _is_top_level(m)]


def visible(channel: Channel, user: str, thread_ts: str | None) -> list[Json]:
    """What `user` sees in the channel, or in one thread: oldest first, their own ephemerals included."""
    whispers = [e.message for e in channel.ephemerals if e.user == user]
    if thread_ts is None:
        seen = top_level(channel) + [m for m in whispers if "thread_ts" not in m]
    else:
        parent = [channel.messages[thread_ts]] if thread_ts in channel.messages else []
        seen = parent + replies(channel, thread_ts) + [m for m in whispers if m.get("thread_ts") == thread_ts]
    return sorted(seen, key=lambda m: str(m["ts"]))


def find_visible(channel: Channel, user: str, ts: str) -> Json | None:
    """One message by its `ts`, if `user` can see it."""
    if ts in channel.messages:
        return channel.messages[ts]
    return next((e.message for e in channel.ephemerals if e.user == user and e.message["ts"] == ts), None)


def forget_ephemeral(channel: Channel, ts: str) -> None:
    channel.ephemerals[:] = [e for e in channel.ephemerals if e.message["ts"] != ts]


def _is_top_level(message: Json) -> bool:
    is_reply = "thread_ts" in message and message["thread_ts"] != message["ts"]
    return not is_reply or message.get("subtype") == "thread_broadcast"


def _count_reply(parent: Json, reply: Json) -> None:
    author = reply.get("user", reply.get("bot_id"))
    users = parent.setdefault("reply_users", [])
    if author not in users:
        users.append(author)
    parent.update(
        thread_ts=parent["ts"],
        reply_count=parent.get("reply_count", 0) + 1,
        reply_users_count=len(users),
        latest_reply=reply["ts"],
        is_locked=False,
    )


def _recount(channel: Channel, parent: Json) -> None:
    for name in ("reply_count", "reply_users", "reply_users_count", "latest_reply"):
        parent.pop(name, None)
    for reply in replies(channel, parent["ts"]):
        _count_reply(parent, reply)
