"""What *why* says of a line of history: what was seen, what other inboxes said, what people did."""

from __future__ import annotations

from bot.domain.probing import Vote
from bot.domain.record import Record
from bot.views.language import Language
from bot.views.words.history import record_words


def evidence_words(lang: Language, record: Record) -> str:
    """What happened; empty for what is not worth a line."""
    match record.what:
        case "strike":
            return lang.say("Refused by the provider")
        case "claimed":
            return lang.say("Somebody is on it")
        case "snoozed":
            return lang.say("Reminders snoozed")
        case "taken_over":
            return lang.say("Became a team address")
        case _:
            return record_words(lang, record)


def testimony_words(lang: Language, said: str) -> str:  # noqa: PLR0911 - one return per case
    """What other inboxes got at the same moment, and what that means for this one."""
    match said:
        case Vote.LONELY:
            return lang.say("there was no other inbox to compare with")
        case Vote.VOUCHED:
            return lang.say("other inboxes work, so it is this one")
        case Vote.MASS:
            return lang.say("others are refused, too: an outage or a policy")
        case Vote.TENANT:
            return lang.say("only this organisation's inboxes are refused: a policy")
        case Vote.FEW:
            return lang.say("other inboxes work, but a few more are refused, too")
        case Vote.PROVEN:
            return lang.say("others that were refused with it had to be reconnected, and work since")
        case Vote.UNCLEAR:
            return lang.say("others could not be reached either")
        case _:
            return ""
