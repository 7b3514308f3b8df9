"""blocks.validate: asks what is wrong with blocks, a message or a view, and posts nothing."""

from demo.workspace import Json
from demo.workspace.api.call import Call
from demo.workspace.api.registry import method
from demo.workspace.blocks import validate
from demo.workspace.composing import Content
from demo.workspace.errors import SlackError, explained


@method(
    "blocks.validate", "t3", optional="blocks message view", caller="bot",
    raises="invalid_arguments invalid_blocks invalid_message invalid_view",
)  # fmt: skip
async def validate_blocks(call: Call) -> Json:
    """One of the three is needed; the answer of an invalid one names each fault."""
    given = [name for name in ("blocks", "message", "view") if call.has(name)]
    if len(given) != 1:
        raise explained("invalid_arguments", ["exactly one of blocks, message, view is needed"])
    content = call.structured(given[0], "invalid_arguments")
    code = f"invalid_{given[0]}"
    found = _problems(given[0], content)
    if found:
        raise explained(code, found)
    return {}


def _problems(kind: str, content: object) -> list[str]:
    if kind == "view":
        view_kind = content.get("type") if isinstance(content, dict) else None
        return validate.view_problems(content, str(view_kind))
    if kind == "message":
        return _message_problems(content)
    return validate.message_problems(content) if isinstance(content, list) else ["blocks must be a list"]


def _message_problems(message: object) -> list[str]:
    if not isinstance(message, dict):
        return ["message must be an object"]
    content = Content(
        text=str(message.get("text") or ""), blocks=message.get("blocks"), attachments=message.get("attachments")
    )
    try:
        content.check()
    except SlackError as refusal:
        return [str(p) for p in refusal.beside.get("errors", [])] or [refusal.code]  # type: ignore[attr-defined] # ours
    return []
