"""Dialogs that answer instead of asking: please wait, no, sorry, and a link that nobody used in time.

Also a form once more as somebody filled it in: what was typed outlives whatever failed behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.domain.errors import InboxkeeperError
from bot.domain.ticket import Ticket
from bot.views.blocks import Block, View, actions, button, inert, modal, section
from bot.views.i18n import Language
from bot.views.replies import apology_text, busy_text, refusal_text
from bot.views.wording import refusal_words


def working_modal(lang: Language) -> View:
    return modal(
        lang.say("One moment…"), [section("⏳ " + lang.say("One moment, please."))], close=lang.say("Close")
    )


def refusal_modal(lang: Language, refusal: InboxkeeperError) -> View:
    text = refusal_text(lang, refusal_words(lang, refusal))
    return modal(lang.say("Not possible"), [section(text)], close=lang.say("Close"))


def apology_modal(lang: Language, reference: str) -> View:
    return modal(lang.say("Sorry"), [section(apology_text(lang, reference))], close=lang.say("Close"))


def busy_modal(lang: Language) -> View:
    return modal(lang.say("One moment…"), [section(busy_text(lang))], close=lang.say("Close"))


CONSENT_RENEW: Final = "consent.renew"
"""Carries the ticket's id."""


def expired_modal(lang: Language, ticket: Ticket) -> View:
    """The button that led nowhere any more is gone; the one in its place begins the same trip anew."""
    said = lang.say(
        "The link for {address} was valid for 15 minutes. Nothing has changed.", address=inert(ticket.address)
    )
    return modal(
        lang.say("Link expired"),
        [
            section(said),
            *actions(button(lang.say("Get a new link"), CONSENT_RENEW, value=ticket.id, style="primary")),
        ],
        close=lang.say("Close"),
    )


_REMARK: Final = "again.remark"
_KEPT: Final = ("type", "title", "submit", "close", "callback_id", "private_metadata")
_TYPED: Final[Mapping[str, tuple[str, str]]] = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "radio_buttons": ("selected_option", "initial_option"),
    "static_select": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
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
