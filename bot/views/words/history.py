"""A channel's history in a few words per line: one per signal."""

from __future__ import annotations

from bot.domain.lifecycle import Signal
from bot.domain.record import Record
from bot.domain.whereabouts import NOWHERE
from bot.views.language import Language
from bot.views.text import shown
from bot.views.words.names import house, provider_of


def record_words(lang: Language, record: Record) -> str:
    """What happened; empty for entries that only the evidence view explains."""
    what = record.what.casefold()
    if what == "taken_over":
        return lang.say("Became a team address")
    if what == "owner_back":
        return lang.say("Its owner is back in the workspace")
    if what == "mail_moved":
        return mail_moved_words(lang, record)
    if what == Signal.SWITCH_PROVEN and record.details.get("provider"):
        new = provider_of(record.details["provider"])
        return lang.say("Switched to {provider}", provider=shown(new, 40))
    if what in {"via_confirmed", "host_renamed"}:
        return _confirmed(lang, record)
    return _signal(lang, Signal(what)) if what in set(Signal) else ""


def _confirmed(lang: Language, record: Record) -> str:
    """What a person has said of the mailbox."""
    if record.what == "via_confirmed":
        return lang.say(
            "Confirmed: {account} receives its mail", account=shown(record.details.get("via", ""))
        )
    left, host = (shown(record.details.get(it, ""), 80) for it in ("left", "provider"))
    return lang.say("Confirmed: its mail host {left} is {host} now", left=left, host=host)


def mail_moved_words(lang: Language, record: Record) -> str:
    """Where the mail goes since then."""
    place = record.details.get("provider", "")
    if not place:
        return lang.say("New mail goes elsewhere")
    if place == NOWHERE:
        return lang.say("Its domain takes no mail any more")
    if place == "imap":
        return lang.say("New mail goes to another mail host")
    return lang.say("New mail goes to {house}", house=shown(house(provider_of(place)), 40))


def _signal(lang: Language, signal: Signal) -> str:
    return {
        Signal.CONNECT_PROVEN: lang.say("First connected"),
        Signal.RECONNECT_PROVEN: lang.say("Signed in again"),
        Signal.SWITCH_PROVEN: lang.say("Switched to another provider"),
        Signal.RESTORE_PROVEN: lang.say("Connected again, settings restored"),
        Signal.DISABLE_ASKED: lang.say("Was disabled"),
        Signal.ENABLE_ASKED: lang.say("Was enabled"),
        Signal.REMOVE_ASKED: lang.say("Was removed"),
        Signal.PROBE_PASSED: lang.say("Check passed"),
        Signal.REFUSED: lang.say("Refused once by the provider"),
        Signal.REFUSED_AGAIN: lang.say("Refused again by the provider"),
        Signal.UNREACHABLE: lang.say("No usable answer from the provider"),
        Signal.OURS_BROKEN: lang.say("Something is wrong with our own setup"),
        Signal.HELD: lang.say("Put on hold: many inboxes refused at once"),
        Signal.TOO_OLD: lang.say("Could not be checked for an hour"),
        Signal.OWNER_GONE: lang.say("Its owner left the workspace"),
        Signal.WORKSPACE_GONE: lang.say("Inboxkeeper was uninstalled"),
    }[signal]
