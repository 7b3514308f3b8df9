"""Rich text: sections, lists, quotes and code, and what stands in them."""

from demo.workspace.blocks.rules import Rule, array, boolean, choice, integer, record, string, tagged, typed, url

_STYLE = record({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline"), boolean))
_FREE: dict[str, Rule] = {"style": _STYLE}

TEXT = typed("text", {"text": string(least=1)}, _FREE)
LINK = typed("link", {"url": url}, {**_FREE, "text": string(), "unsafe": boolean})
INLINE: dict[str, Rule] = {
    **TEXT,
    **LINK,
    **typed("broadcast", {"range": choice("here", "channel", "everyone")}, _FREE),
    **typed("color", {"value": string(least=1)}, _FREE),
    **typed("channel", {"channel_id": string(least=1)}, _FREE),
    **typed(
        "date",
        {"timestamp": integer(), "format": string(least=1)},
        {**_FREE, "fallback": string(), "url": url},
    ),
    **typed("emoji", {"name": string(least=1)}, {**_FREE, "unicode": string(), "url": url}),
    **typed("team", {"team_id": string(least=1)}, _FREE),
    **typed("user", {"user_id": string(least=1)}, _FREE),
    **typed("usergroup", {"usergroup_id": string(least=1)}, _FREE),
}
_BORDER: dict[str, Rule] = {"border": choice(0, 1)}
SECTION = typed("rich_text_section", {"elements": array(tagged(INLINE))})
LIST = typed(
    "rich_text_list",
    {"elements": array(tagged(SECTION)), "style": choice("bullet", "ordered")},
    {**_BORDER, "indent": integer(0, 8)},
)
QUOTE = typed("rich_text_quote", {"elements": array(tagged(INLINE))}, _BORDER)
PREFORMATTED = typed("rich_text_preformatted", {"elements": array(tagged(TEXT | LINK))}, _BORDER)

RICH_TEXT_BLOCK = typed(
    "rich_text",
    {"elements": array(tagged(SECTION | LIST | QUOTE | PREFORMATTED))},
    {"block_id": string(255, 1)},
)
RICH_TEXT = tagged(RICH_TEXT_BLOCK)
