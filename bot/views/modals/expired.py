"""What a modal says whose link nobody has used in time."""

from __future__ import annotations

from typing import Final

from bot.domain.ticket import Ticket
from bot.views.blocks import View, actions, button, inert, modal, section
from bot.views.i18n import Language

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
