"""Answers for when it did not work: refused, broken, or the database away. For messages and modals."""

from __future__ import annotations

from typing import Final

from bot.views.blocks import bold, escape, inert, instant
from bot.views.language import Language
from bot.views.setup import people
from bot.views.text import clip
from bot.views.words import Words
from bot.views.words.approvals import until_words

_LONGEST: Final = 190
"""Longer only with foreign text in it. Escaped (five for one), three of these fit into a section."""


def refusal_text(lang: Language, words: Words) -> str:
    """What is so, why, what next, and whom to ask, as mrkdwn."""
    asked = people(lang, words.ask) if words.ask else ""
    next_step = " ".join(part for part in (_safe(words.next_step), asked) if part)
    valid = until_words(lang, instant(lang, words.until)) if words.until else ""
    lines = [bold(_safe(words.title)), lang.together(_safe(words.text), valid), next_step]
    return "\n".join(line for line in lines if line)


def _safe(text: str) -> str:
    return escape(clip(text, _LONGEST))


def apology_text(lang: Language, reference: str) -> str:
    return lang.say(
        "Something broke on our side; it has been logged. Please try again. If it happens again, give "
        "whoever runs Inboxkeeper this reference: {reference}",
        reference=f"`{inert(reference, 40)}`",
    )


def busy_text(lang: Language) -> str:
    return lang.say(
        "Inboxkeeper cannot reach its database at the moment. Nothing was changed and nothing is lost."
    ) + ("\n" + lang.say("Please try again in a minute."))


def directory_away_text(lang: Language) -> str:
    return lang.say("Slack did not tell us in time who you are, so nothing was done.") + (
        "\n" + lang.say("Please try again in a minute.")
    )
