"""A personal inbox becomes a team address: what that means, and what the team calls it."""

from __future__ import annotations

from typing import Final

from bot.domain.channel import Channel
from bot.views.blocks import View, context, inert, mention, modal, section, value_of
from bot.views.language import Language
from bot.views.modals.inputs import conversation_input, name_input, use_input

TAKE_OVER_FORM: Final = "take_over.form"


def take_over_modal(lang: Language, channel: Channel) -> View:
    """Before the click: who loses it, who gets it, what stays."""
    said = lang.say("Make {address} a team address?", address=inert(channel.address))
    kept = lang.say(
        "It stays connected, with its settings and history. From then on the whole team sees it, and admins "
        "look after it."
    )
    return modal(
        lang.say("Take over"),
        [
            section(f"{said}\n{kept}"),
            *([context(_told(lang, channel.owner_id))] if channel.owner_id else []),
            name_input(lang, channel.name),
            use_input(lang, channel.use),
            conversation_input(lang, channel.conversation_id or ""),
        ],
        submit=lang.say("Yes, take it over"),
        close=lang.say("Cancel"),
        callback=TAKE_OVER_FORM,
        metadata=value_of(channel),
    )


def _told(lang: Language, owner_id: str) -> str:
    return lang.say(
        "It is {who}'s inbox now; they are told. It cannot be made personal again.", who=mention(owner_id)
    )
