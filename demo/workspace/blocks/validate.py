"""What is wrong with blocks and views, in Slack's words."""

from demo.workspace import Json


def message_problems(blocks: list[Json]) -> list[str]:
    return [f"unsupported type [json-pointer:/blocks/{i}]" for i, b in enumerate(blocks) if not isinstance(b, dict)]


def view_problems(view: Json) -> list[str]:
    return (
        [] if isinstance(view.get("blocks"), list) else ["missing required field: blocks [json-pointer:/view/blocks]"]
    )


def visible_characters(blocks: list[Json]) -> int:
    return 0
