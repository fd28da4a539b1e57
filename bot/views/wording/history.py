"""A channel's history in a few words per line: what was seen, what others said, what people did."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.address import NOWHERE
from bot.domain.channel import HistoryEntry
from bot.domain.hubspot import HubSpotSignal
from bot.domain.lifecycle import Signal
from bot.domain.probe_policy import Vote
from bot.views.i18n import Language
from bot.views.text import shown
from bot.views.wording.names import company, provider_of


def evidence_words(lang: Language, record: HistoryEntry) -> str:
    """What happened; empty for what is not worth a line."""
    match record.what:
        case "strike":
            return lang.say("Refused by the provider")
        case "claimed":
            return lang.say("Somebody is on it")
        case "snoozed":
            return lang.say("Reminders snoozed")
        case "handed_back":
            return lang.say("Handed back: nobody is on it")
        case "handed_over":
            return lang.say("Handed over to a colleague")
        case "woken":
            return lang.say("Reminders switched on again")
        case "taken_over":
            return lang.say("Became a team address")
        case _:
            return record_words(lang, record)


def peers_words(lang: Language, said: str) -> str:
    """What other inboxes got at the same moment, and what that means for this one."""
    match said:
        case Vote.UNCORROBORATED:
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


# ruff: noqa: PLR0911 - one return per case is how a closed set reads best


def unreachable_words(lang: Language, error: str) -> str:
    """``error`` is Slack's own; one that is not known is named."""
    match error:
        case "user_disabled":
            return lang.say("could not be reached: their Slack account is deactivated")
        case "user_not_found" | "users_not_found":
            return lang.say("could not be reached: Slack has no such account")
        case "user_not_visible":
            return lang.say("could not be reached: the bot may not see them")
        case "channel_not_found":
            return lang.say("could not be reached: the conversation is gone, or not open to the bot")
        case "cannot_dm_bot":
            return lang.say("could not be reached: bots get no direct messages")
        case "messages_tab_disabled":
            return lang.say("could not be reached: the bot's messages are switched off in Slack")
        case "restricted_action":
            return lang.say("could not be reached: a setting of this Slack workspace forbids it")
        case "is_archived":
            return lang.say("could not be reached: the conversation is archived")
        case "not_in_channel":
            return lang.say("could not be reached: the bot is not in the conversation")
    return lang.say("could not be reached (Slack: {error})", error=shown(error, 30))


def record_words(lang: Language, record: HistoryEntry) -> str:
    """What happened; empty for entries that only the evidence view explains."""
    what = record.what.casefold()
    if what == "taken_over":
        return lang.say("Became a team address")
    if what == "edited":
        return edited_words(lang, record)
    if what == "owner_back":
        return lang.say("Its owner is back in the workspace")
    if what == "mail_moved":
        return mail_moved_words(lang, record)
    if what == Signal.SWITCH_PROVEN and record.details.get("provider"):
        new = provider_of(record.details["provider"])
        return lang.say("Switched to {provider}", provider=shown(new, 40))
    if what in {"key_made", "key_assigned", "key_revoked", "key_allowed", "key_declined", "key_disowned"}:
        return _of_key(lang, what, shown(record.details.get("program", ""), 60))
    if what in {"webhook_made", "webhook_edited", "webhook_rotated", "webhook_revoked"}:
        return _of_webhook(lang, what, record.details)
    if what in {"via_confirmed", "host_renamed"}:
        return _confirmed(lang, record)
    if what in set(HubSpotSignal):
        return _in_hubspot(lang, HubSpotSignal(what))
    return _signal(lang, Signal(what)) if what in set(Signal) else ""


def _of_key(lang: Language, what: str, name: str) -> str:
    """What somebody did to a program's key."""
    return {
        "key_made": lang.say("A key for the program {name} was made", name=name),
        "key_assigned": lang.say("Somebody else looks after the program {name}", name=name),
        "key_allowed": lang.say("Its owner allowed the program {name} to use it", name=name),
        "key_declined": lang.say("Its owner does not let the program {name} use it", name=name),
        "key_disowned": lang.say(
            "Its owner took back that the program {name} may use it: somebody else had allowed it", name=name
        ),
        "key_revoked": lang.say("The key of the program {name} was revoked", name=name),
    }[what]


def _of_webhook(lang: Language, what: str, details: Mapping[str, str]) -> str:
    """What somebody did to a program's webhook."""
    name, host = (shown(details.get(key, ""), 60) for key in ("program", "host"))
    if what == "webhook_edited" and host:
        return lang.say(
            "The webhook of the program {name} was changed: it is told at {host} now", name=name, host=host
        )
    return {
        "webhook_edited": lang.say("The webhook of the program {name} was changed", name=name),
        "webhook_made": lang.say("A webhook for the program {name} was added", name=name),
        "webhook_rotated": lang.say("The webhook of the program {name} got a new signing secret", name=name),
        "webhook_revoked": lang.say("The webhook of the program {name} was removed", name=name),
    }[what]


def _in_hubspot(lang: Language, signal: HubSpotSignal) -> str:
    return {
        HubSpotSignal.CONNECTED: lang.say("HubSpot shows it as connected"),
        HubSpotSignal.UNAUTHORIZED: lang.say("HubSpot shows it as disconnected"),
        HubSpotSignal.INACTIVE: lang.say("Turned off in HubSpot"),
        HubSpotSignal.INACTIVE_UNAUTHORIZED: lang.say("HubSpot shows it as disconnected and turned off"),
        HubSpotSignal.ABSENT: lang.say("No longer in HubSpot"),
        HubSpotSignal.INBOX_ARCHIVED: lang.say("Its whole inbox was removed in HubSpot"),
        HubSpotSignal.LOST_WITH_OTHERS: lang.say("Lost in HubSpot together with many others"),
        HubSpotSignal.UNWATCHED: lang.say("Its HubSpot portal is not watched any more"),
    }[signal]


def edited_words(lang: Language, record: HistoryEntry) -> str:
    """What of its settings somebody changed."""
    names = {"name": lang.say("name"), "use": lang.say("use"), "conversation": lang.say("conversation")}
    changed = [names[it] for it in record.details.get("changed", "").split() if it in names]
    return lang.say("Edited: {settings}", settings=lang.listed(changed))


def _confirmed(lang: Language, record: HistoryEntry) -> str:
    """What a person has said of the mailbox."""
    if record.what == "via_confirmed":
        return lang.say(
            "Confirmed: {account} receives its mail", account=shown(record.details.get("via", ""))
        )
    left, host = (shown(record.details.get(it, ""), 80) for it in ("left", "provider"))
    return lang.say("Confirmed: its mail host {left} is {host} now", left=left, host=host)


def mail_moved_words(lang: Language, record: HistoryEntry) -> str:
    """Where the mail goes since then."""
    place = record.details.get("provider", "")
    if not place:
        return lang.say("New mail goes elsewhere")
    if place == NOWHERE:
        return lang.say("Its domain no longer accepts mail")
    if place == "imap":
        return lang.say("New mail goes to another mail host")
    return lang.say("New mail goes to {company}", company=shown(company(provider_of(place)), 40))


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
