"""Blocks, each with its limits, and rich text, which is a small language of its own."""

from __future__ import annotations

from typing import Any

from sandbox.slack.blockkit.charts import chart_block
from sandbox.slack.blockkit.elements import IN_ACTIONS, IN_CONTEXT, IN_INPUT, IN_SECTION
from sandbox.slack.blockkit.rules import (
    Json,
    Report,
    Rule,
    Shape,
    boolean,
    by_type,
    integer,
    list_of,
    one_of,
    string,
    typed,
    url,
)
from sandbox.slack.blockkit.texts import any_text, plain


def _block_id(value: Any, pointer: str, report: Report) -> None:
    string(255)(value, pointer, report)
    if isinstance(value, str):
        if value in report.block_ids:
            report.fail(pointer, f"duplicate block_id: {value}")
        report.block_ids.add(value)


_ID: dict[str, Rule] = {"block_id": _block_id}


def _says_something(block: Json, pointer: str, report: Report) -> None:
    if "text" not in block and "fields" not in block:
        report.fail(pointer, "missing required field: text or fields")


def _distinct_actions(block: Json, pointer: str, report: Report) -> None:
    elements = block.get("elements")
    seen: set[str] = set()
    for index, element in enumerate(elements if isinstance(elements, list) else []):
        action_id = element.get("action_id") if isinstance(element, dict) else None
        if isinstance(action_id, str) and action_id in seen:
            report.fail(f"{pointer}/elements/{index}/action_id", f"duplicate action_id: {action_id}")
        elif isinstance(action_id, str):
            seen.add(action_id)


def _counted(value: Any, pointer: str, report: Report) -> None:
    string(3000)(value, pointer, report)
    report.characters += len(value) if isinstance(value, str) else 0


_STYLE = Shape({}, {"bold": boolean, "italic": boolean, "strike": boolean, "code": boolean})
_STYLED: dict[str, Rule] = {"style": _STYLE}
_INLINE = by_type(
    {
        "text": typed("text", {"text": _counted}, _STYLED),
        "link": typed("link", {"url": url()}, {"text": _counted, "unsafe": boolean, **_STYLED}),
        "emoji": typed("emoji", {"name": string(100)}, {"unicode": string(100), **_STYLED}),
        "user": typed("user", {"user_id": string(20)}, _STYLED),
        "channel": typed("channel", {"channel_id": string(20)}, _STYLED),
        "usergroup": typed("usergroup", {"usergroup_id": string(20)}, _STYLED),
        "date": typed(
            "date",
            {"timestamp": integer(0, 2**40), "format": string(200)},
            {"url": url(), "fallback": string(300)},
        ),
    },
    what="rich text element",
)
_LINE = typed("rich_text_section", {"elements": list_of(_INLINE, least=0, most=1000)})
_PREFORMATTED = typed(
    "rich_text_preformatted",
    {"elements": list_of(_INLINE, least=0, most=1000)},
    {"border": integer(0, 1), "language": string(50)},
)
_QUOTE = typed(
    "rich_text_quote", {"elements": list_of(_INLINE, least=0, most=1000)}, {"border": integer(0, 1)}
)
_LIST = typed(
    "rich_text_list",
    {"style": one_of("bullet", "ordered"), "elements": list_of(_LINE, most=200)},
    {"indent": integer(0, 8), "offset": integer(0, 10_000), "border": integer(0, 1)},
)

BLOCKS: dict[str, Rule] = {
    "section": typed(
        "section",
        {},
        {
            **_ID,
            "text": any_text(3000),
            "fields": list_of(any_text(2000), most=10),
            "accessory": IN_SECTION,
            "expand": boolean,
        },
        also=_says_something,
    ),
    "header": typed("header", {"text": plain(150)}, _ID),
    "context": typed("context", {"elements": list_of(IN_CONTEXT, most=10)}, _ID),
    "actions": typed("actions", {"elements": list_of(IN_ACTIONS, most=25)}, _ID, also=_distinct_actions),
    "data_visualization": chart_block(_ID),
    "divider": typed("divider", {}, _ID),
    "image": typed("image", {"image_url": url(), "alt_text": string(2000)}, {**_ID, "title": plain(2000)}),
    "input": typed(
        "input",
        {"label": plain(2000), "element": IN_INPUT},
        {**_ID, "hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "rich_text": typed(
        "rich_text",
        {
            "elements": list_of(
                by_type(
                    {
                        "rich_text_section": _LINE,
                        "rich_text_preformatted": _PREFORMATTED,
                        "rich_text_quote": _QUOTE,
                        "rich_text_list": _LIST,
                    },
                    what="rich text",
                ),
                most=100,
            )
        },
        _ID,
    ),
}
BLOCK = by_type(BLOCKS, what="block")
