"""Says whether Slack would take a view or a message, with a JSON pointer for each thing it would not.

Rule: stricter than Slack where Slack is silent (a message's whole length, its fallback text).
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.slack.blockkit.blocks import BLOCK
from sandbox.slack.blockkit.elements import SUGGESTED, SUGGESTED_GROUPS
from sandbox.slack.blockkit.rules import Json, Report, Rule, Shape, boolean, list_of, one_of, string
from sandbox.slack.blockkit.texts import plain
from sandbox.slack.mrkdwn import problems_in

VIEW_BYTES = 250_000
MESSAGE_CHARACTERS = 10_000
MESSAGE_TEXT = 4_000
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100

_EITHER: dict[str, Rule] = {
    "private_metadata": string(3000, least=0),
    "callback_id": string(255, least=0),
    "external_id": string(255, least=0),
}
_BLOCKS = list_of(BLOCK, least=0, most=VIEW_BLOCKS)


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
    if view_bytes(view) > VIEW_BYTES:
        report.fail("/view", f"view_too_large: more than {VIEW_BYTES} bytes")
    return report.problems


def validate_suggestions(body: Any) -> list[str]:
    """Problems of what the bot offers to whoever types into an external select."""
    report = Report(surface="options")
    is_grouped = isinstance(body, dict) and "option_groups" in body
    (SUGGESTED_GROUPS if is_grouped else SUGGESTED)(body, "", report)
    return report.problems


def view_bytes(view: Any) -> int:
    return len(json.dumps(view, ensure_ascii=False).encode())


def validate_blocks(blocks: Any, *, pointer: str = "/blocks") -> tuple[list[str], int]:
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
        string(MESSAGE_TEXT)(text, "/text", report)
        if isinstance(text, str):
            for problem in problems_in(text):
                report.fail("/text", problem)
    if blocks is None:
        return report.problems
    problems, characters = validate_blocks(blocks)
    if characters > MESSAGE_CHARACTERS:
        report.fail("/blocks", f"msg_blocks_too_long: more than {MESSAGE_CHARACTERS} characters in total")
    return [*report.problems, *problems]
