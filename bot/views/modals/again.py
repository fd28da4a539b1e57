"""A form once more, as somebody has filled it in: what was typed outlives whatever failed behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.views.blocks import Block, View, section
from bot.views.i18n import Language

_REMARK: Final = "again.remark"
_KEPT: Final = ("type", "title", "submit", "close", "callback_id", "private_metadata")
_TYPED: Final[Mapping[str, tuple[str, str]]] = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "radio_buttons": ("selected_option", "initial_option"),
    "static_select": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
}
"""Where Slack says what was typed or chosen, and how an element is told to begin with it."""


def form_again(lang: Language, shown: Mapping[str, Any], why: str) -> View | None:
    """The form that Slack reports (``shown`` is a payload's ``view``) with its values in it, and ``why``
    (mrkdwn) it is there again on top; ``None`` for what is no form."""
    blocks = shown.get("blocks")
    if shown.get("type") != "modal" or not shown.get("submit") or not isinstance(blocks, list):
        return None
    values = _part(_part(shown, "state"), "values")
    kept = [
        _filled(block, _part(values, str(block.get("block_id", ""))))
        for block in blocks
        if isinstance(block, dict) and block.get("block_id") != _REMARK
    ]
    stays = lang.say("What you typed is still here: send it once more.")
    remark = {**section(f"⚠️ {why}\n{stays}"), "block_id": _REMARK}
    return {**{key: shown[key] for key in _KEPT if shown.get(key)}, "blocks": [remark, *kept]}


def _filled(block: Block, said: Mapping[str, Any]) -> Block:
    if isinstance(element := block.get("element"), dict):
        return {**block, "element": _begins_with(element, said)}
    if isinstance(elements := block.get("elements"), list):
        return {**block, "elements": [_begins_with(one, said) for one in elements]}
    return block


def _begins_with(element: Any, said: Mapping[str, Any]) -> Any:
    """The element with what was typed; emptied, it begins empty, whatever it began with."""
    if not isinstance(element, dict) or element.get("type") not in _TYPED:
        return element
    state = _part(said, str(element.get("action_id", "")))
    where, begins = _TYPED[element["type"]]
    if where not in state:
        return element
    bare = {key: value for key, value in element.items() if key != begins}
    return {**bare, begins: state[where]} if state[where] else bare


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name)
    return part if isinstance(part, dict) else {}
