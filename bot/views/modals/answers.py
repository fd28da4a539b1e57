"""Dialogs that answer instead of asking: please wait, no, and sorry."""

from __future__ import annotations

from bot.domain.errors import InboxkeeperError
from bot.views.blocks import View, modal, section
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
