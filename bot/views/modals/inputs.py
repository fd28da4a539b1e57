"""The fields of forms: each with the block id under which handlers find what was typed or chosen."""

from __future__ import annotations

from typing import Any, Final

from bot.views.blocks import Block, plain
from bot.views.i18n import Language
from bot.views.text import tidy

ADDRESS_BLOCK: Final = "address"
ADDRESS_ACTION: Final = "address"
KIND_BLOCK: Final = "kind"
USE_BLOCK: Final = "use"
NAME_BLOCK: Final = "name"
CONVERSATION_BLOCK: Final = "conversation"
REASON_BLOCK: Final = "reason"

LONGEST_ADDRESS: Final = 254
LONGEST_USE: Final = 200
LONGEST_NAME: Final = 80
LONGEST_REASON: Final = 500


def address_input(lang: Language, initial: str) -> Block:
    element = _line(ADDRESS_ACTION, initial, LONGEST_ADDRESS, hint="name@example.com")
    return _input(ADDRESS_BLOCK, lang.say("E-mail address"), {**element, "focus_on_load": True})


def use_input(lang: Language, initial: str, *, is_team: bool = True) -> Block:
    """One line that every notice will quote as what stops working."""
    example = (
        lang.say("Zendesk answers customers from it") if is_team else lang.say("The CRM logs my mail from it")
    )
    element = _line(USE_BLOCK, initial, LONGEST_USE, hint=example)
    return _input(USE_BLOCK, lang.say("What depends on it?"), element, optional=True)


def name_input(lang: Language, initial: str) -> Block:
    element = _line(NAME_BLOCK, initial, LONGEST_NAME, hint=lang.say("Customer support"))
    return _input(NAME_BLOCK, lang.say("What do you call it?"), element)


def conversation_input(lang: Language, initial: str) -> Block:
    """Where one line is posted when the address stops working."""
    element: Block = {
        "type": "conversations_select",
        "action_id": CONVERSATION_BLOCK,
        "placeholder": plain(lang.say("Choose a conversation")),
        "filter": {"include": ["public", "private"], "exclude_external_shared_channels": True},
    }
    if initial:
        element["initial_conversation"] = initial
    hint = lang.say(
        "One line is posted there when the address stops working. If it is private, invite the bot first."
    )
    label = lang.say("Conversation to notify")
    return _input(CONVERSATION_BLOCK, label, element, optional=True, hint=hint)


def reason_input(lang: Language) -> Block:
    element = {**_line(REASON_BLOCK, "", LONGEST_REASON), "multiline": True}
    return _input(REASON_BLOCK, lang.say("Why do you need it?"), element, optional=True)


def why_not_input(lang: Language) -> Block:
    """Why an admin says no."""
    hint = lang.say("They read it as you write it.")
    element = {**_line(REASON_BLOCK, "", LONGEST_REASON), "multiline": True, "focus_on_load": True}
    return _input(REASON_BLOCK, lang.say("Why not?"), element, optional=True, hint=hint)


def line_input(
    block_id: str,
    label: str,
    example: str,
    *,
    longest: int,
    hint: str = "",
    optional: bool = False,
) -> Block:
    """One line of text that begins empty."""
    element = _line(block_id, "", longest, hint=example)
    return _input(block_id, label, element, optional=optional, hint=hint)


def begun(block: Block, initial: str) -> Block:
    """A line of text that begins with what stands."""
    element = block["element"]
    return {**block, "element": {**element, "initial_value": tidy(initial, element["max_length"])}}


def _line(action_id: str, initial: str, longest: int, *, hint: str = "") -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "plain_text_input",
        "action_id": action_id,
        "max_length": longest,
    }
    if hint:
        element["placeholder"] = plain(hint)
    if typed := tidy(initial, longest):
        element["initial_value"] = typed
    return element


def _input(block_id: str, label: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    block: Block = {"type": "input", "block_id": block_id, "label": plain(label), "element": element}
    extras: Block = {"optional": optional, "hint": plain(hint) if hint else None}
    return block | {key: extra for key, extra in extras.items() if extra}
