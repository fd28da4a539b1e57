"""Says whether Slack would take a view or a message, with a JSON pointer for each thing it would not, and
adds what Slack adds to blocks it accepts: ids that were left out, and flags it always returns.

Rule: stricter than Slack where Slack is silent (a message's whole length, its fallback text). An id that was
left out is random and new each time, as Slack's is: nobody can rely on it.
"""

from __future__ import annotations

import copy
import json
import secrets
from typing import Any

from sandbox.slack.blockkit import (
    BLOCK,
    SUGGESTED,
    SUGGESTED_GROUPS,
    Json,
    Report,
    Rule,
    Shape,
    boolean,
    list_of,
    one_of,
    plain,
    string,
)
from sandbox.slack.mrkdwn import problems_in

_VIEW_BYTES = 250_000
MESSAGE_CHARACTERS = 10_000
_MESSAGE_TEXT = 4_000
MESSAGE_BLOCKS = 50
_VIEW_BLOCKS = 100

_EITHER: dict[str, Rule] = {
    "private_metadata": string(3000, least=0),
    "callback_id": string(255, least=0),
    "external_id": string(255, least=0),
}
_BLOCKS = list_of(BLOCK, least=0, most=_VIEW_BLOCKS)


def _asks_and_submits(view: Json, pointer: str, report: Report) -> None:
    blocks = view.get("blocks")
    asks = any(isinstance(b, dict) and b.get("type") == "input" for b in blocks or [])
    if asks and "submit" not in view:
        report.fail(
            pointer, "a view with an input block needs a submit button: missing required field: submit"
        )


_MODAL = Shape(
    {"type": one_of("modal"), "title": plain(24), "blocks": _BLOCKS},
    {
        **_EITHER,
        "submit": plain(24),
        "close": plain(24),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
    },
    _asks_and_submits,
)
_HOME = Shape({"type": one_of("home"), "blocks": _BLOCKS}, _EITHER)


def validate_view(view: Any) -> list[str]:
    """Problems of a modal or Home view, as `[ERROR] … [json-pointer:/view/…]`; none when it is fine."""
    kind = view.get("type") if isinstance(view, dict) else None
    report = Report(surface=str(kind))
    if kind not in ("modal", "home"):
        report.fail("/view/type", "must be one of: modal, home")
        return report.problems
    (_MODAL if kind == "modal" else _HOME)(view, "/view", report)
    if _view_bytes(view) > _VIEW_BYTES:
        report.fail("/view", f"view_too_large: more than {_VIEW_BYTES} bytes")
    return report.problems


def validate_suggestions(body: Any) -> list[str]:
    """Problems of what the bot offers to whoever types into an external select."""
    report = Report(surface="options")
    is_grouped = isinstance(body, dict) and "option_groups" in body
    (SUGGESTED_GROUPS if is_grouped else SUGGESTED)(body, "", report)
    return report.problems


def _view_bytes(view: Any) -> int:
    return len(json.dumps(view, ensure_ascii=False).encode())


def _validate_blocks(blocks: Any, *, pointer: str = "/blocks") -> tuple[list[str], int]:
    """Problems of a message's blocks, and how many characters they show."""
    report = Report(surface="message")
    list_of(BLOCK, least=0, most=MESSAGE_BLOCKS)(blocks, pointer, report)
    return report.problems, report.characters


def validate_message(message: Any) -> list[str]:
    """Problems of `{text, blocks?}`, as posted, answered or sent to a response_url."""
    if not isinstance(message, dict):
        return ["[ERROR] must be an object [json-pointer:/]"]
    report = Report(surface="message")
    text, blocks = message.get("text"), message.get("blocks")
    if text is None or text == "":
        report.fail("/text", "missing required field: text (it is the notification and what is read aloud)")
    else:
        string(_MESSAGE_TEXT)(text, "/text", report)
        if isinstance(text, str):
            for problem in problems_in(text):
                report.fail("/text", problem)
    if blocks is None:
        return report.problems
    problems, characters = _validate_blocks(blocks)
    if characters > MESSAGE_CHARACTERS:
        report.fail("/blocks", f"msg_blocks_too_long: more than {MESSAGE_CHARACTERS} characters in total")
    return [*report.problems, *problems]


_INTERACTIVE = {
    "button",
    "overflow",
    "static_select",
    "users_select",
    "conversations_select",
    "multi_external_select",
    "radio_buttons",
    "checkboxes",
    "plain_text_input",
    "email_text_input",
}


def normalized(blocks: list[Json]) -> list[Json]:
    fresh: list[Json] = copy.deepcopy(blocks)
    for block in fresh:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        _fill(block)
        if block["type"] == "input":
            block.setdefault("optional", False)
            block.setdefault("dispatch_action", False)
    return fresh


def _fill(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _fill(item)
    if not isinstance(value, dict):
        return
    kind = value.get("type")
    if kind == "plain_text":
        value.setdefault("emoji", True)
    elif kind == "mrkdwn":
        value.setdefault("verbatim", False)
    elif kind in _INTERACTIVE:
        value.setdefault("action_id", secrets.token_urlsafe(4))
    for item in value.values():
        _fill(item)
