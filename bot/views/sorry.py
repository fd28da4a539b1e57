"""Answers for when it did not work: refused, broken, or the database away. For messages and modals."""

from __future__ import annotations

from bot.views.blocks import escape, inert
from bot.views.language import Language
from bot.views.setup import people
from bot.views.words import Words


def refusal_text(lang: Language, words: Words) -> str:
    """What is so, why, what next, and whom to ask, as mrkdwn."""
    next_step = escape(words.next_step)
    asked = people(lang, words.ask) if words.ask else ""
    lines = [
        f"*{escape(words.title)}*",
        escape(words.text),
        " ".join(part for part in (next_step, asked) if part),
    ]
    return "\n".join(line for line in lines if line)


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
