"""What Slack's own client refuses before it sends a form. Rule: the words are the client's, not the bot's."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sandbox.slack.input_state import held_field
from sandbox.slack.state import Json, View

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def complaints(view: View, words: Mapping[str, str]) -> dict[str, str]:
    """By block_id, as the client shows them under the inputs."""
    found = {}
    for block in view.blocks:
        if block["type"] == "input":
            complaint = _complaint(block, view, words)
            if complaint is not None:
                found[block["block_id"]] = complaint
    return found


def _complaint(block: Json, view: View, words: Mapping[str, str]) -> str | None:
    element = block["element"]
    held = view.values[block["block_id"]][element["action_id"]]
    value = held.get(held_field(element) or "")
    if not value:
        return None if block["optional"] else words["required"]
    if element["type"] == "email_text_input" and not _EMAIL.fullmatch(value):
        return words["not_an_email"]
    if element["type"] == "plain_text_input":
        if len(value) < element.get("min_length", 0):
            return words["too_short"].format(count=element["min_length"])
        if len(value) > element.get("max_length", 3000):
            return words["too_long"].format(count=element.get("max_length", 3000))
    return None
