"""What Slack adds to blocks it accepts: ids that were left out, and flags it always returns.

Rule: an id that was left out is random and new each time, as Slack's is: nobody can rely on it.
"""

from __future__ import annotations

import copy
import secrets
from typing import Any

from sandbox.slack.state import Json

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
