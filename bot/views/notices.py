"""Direct messages that are kept true: an outage and its end, a removal's other side, a finished sign-in.

The one rule: a message says what is so now, and alarms only while somebody can do something about it.
"""

# ruff: noqa: PLR0911 - one return per case is how a closed set reads best

from __future__ import annotations

from datetime import datetime
from typing import Final

from bot.domain.access import Deed
from bot.domain.cause import ADMIN_CAUSES, Cause
from bot.domain.channel import Channel, State
from bot.domain.ids import UserId
from bot.domain.incident import Incident, IncidentKind, Resolution
from bot.domain.ticket import Ending
from bot.views.blocks import (
    Block,
    Message,
    actions,
    bold,
    button,
    context,
    escape,
    inert,
    instant,
    mention,
    message,
    section,
    value_of,
)
from bot.views.buttons import deed_button, disconnect_button, offered
from bot.views.language import Language
from bot.views.models import Removal
from bot.views.reports import removal_blocks
from bot.views.text import shown
from bot.views.words import cause_words, house, operator_words
from bot.views.words.endings import good_ending

RECONNECT_LINK: Final = "incident.reconnect"
WHY: Final = "incident.why"

_MANAGED: Final = frozenset({Cause.ACCOUNT_DISABLED, Cause.MAILBOX_MISSING})
"""What only whoever manages the accounts at the provider can mend."""
_FOR_ADMINS: Final = frozenset({Deed.DISABLE, Deed.REMOVE})


def incident_notice(
    lang: Language,
    channel: Channel,
    incident: Incident,
    *,
    provider_label: str,
    url: str,
    now: datetime,
    is_open: bool,
) -> Message:
    """One outage as one person should see it now. ``url`` is that person's own way to mend it."""
    if not is_open:
        return _resolved(lang, channel, incident, now)
    said = _headline(lang, channel, incident)
    mark = "🟡" if incident.kind is IncidentKind.UNVERIFIABLE else "🔴"
    blocks = [
        section("\n".join([f"{mark} {bold(said)}", _since(lang, incident, now)])),
        section(_reasons(lang, channel, incident, provider_label)),
        *actions(*_ways(lang, channel, incident, url)),
    ]
    return message(f"{mark} {said}", blocks)


def _headline(lang: Language, channel: Channel, incident: Incident) -> str:
    address = inert(channel.address)
    if incident.kind is IncidentKind.UNVERIFIABLE:
        return lang.say("{address} cannot be checked", address=address)
    return lang.say("{address} stopped working", address=address)


def _since(lang: Language, incident: Incident, now: datetime) -> str:
    return lang.say(
        "Since {when} ({span})",
        when=instant(lang, incident.opened_at),
        span=lang.lasting(now - incident.opened_at),
    )


def _reasons(lang: Language, channel: Channel, incident: Incident, provider_label: str) -> str:
    why = cause_words(lang, incident.cause, provider_label)
    if incident.kind is IncidentKind.UNVERIFIABLE:
        waiting = lang.say(
            "It may still work. We keep trying and tell you here; you don't need to do anything."
        )
        return "\n".join([escape(why.why), waiting])
    stops = (
        lang.say("What stops working: {use}", use=inert(channel.use, 200))
        if channel.use
        else lang.say("What stops working: everything that uses this inbox.")
    )
    lines = (escape(why.why), stops, _mender(lang, channel, incident, provider_label), escape(why.next_step))
    return "\n".join(line for line in lines if line)


def _mender(lang: Language, channel: Channel, incident: Incident, provider_label: str) -> str:
    if incident.cause in ADMIN_CAUSES:
        admin = inert(house(provider_label), 40)
        return lang.say("Who can fix it: your organisation's {house} admin.", house=admin)
    if incident.cause in _MANAGED:
        managed = inert(house(provider_label), 40)
        return lang.say("Who can fix it: whoever manages your {house} accounts.", house=managed)
    if channel.is_personal:
        return lang.say("Who can fix it: you.")
    return lang.say("Who can fix it: whoever can sign in to this mailbox.")


def _ways(lang: Language, channel: Channel, incident: Incident, url: str) -> list[Block]:
    why = button(lang.say("Why?"), WHY, value=value_of(channel), about=channel.address)
    if incident.kind is IncidentKind.UNVERIFIABLE or not url:
        return [why]
    is_first = incident.cause not in ADMIN_CAUSES | _MANAGED  # else somebody must act before it helps
    style = "primary" if is_first else ""
    mend = button(lang.say("Reconnect"), RECONNECT_LINK, url=url, style=style, about=channel.address)
    return [mend, why]


def _resolved(lang: Language, channel: Channel, incident: Incident, now: datetime) -> Message:
    span = lang.lasting((incident.resolved_at or now) - incident.opened_at)
    said = _ended(lang, inert(channel.address), incident, span)
    return message(said, [context(said)])


def _ended(lang: Language, address: str, incident: Incident, span: str) -> str:
    who = mention(incident.resolved_by) if incident.resolved_by else ""
    match incident.resolution:
        case Resolution.RECONNECTED if who:
            return "✅ " + lang.say(
                "{address} works again. Reconnected by {who} after {span}.",
                address=address,
                who=who,
                span=span,
            )
        case Resolution.DISABLED if who:
            return "⚪ " + lang.say(
                "{address} was disabled by {who}. There is nothing to do.", address=address, who=who
            )
        case Resolution.DISABLED:
            return "⚪ " + lang.say("{address} was disabled. There is nothing to do.", address=address)
        case Resolution.REMOVED if who:
            return "⚪ " + lang.say(
                "{address} was removed by {who}. There is nothing to do.", address=address, who=who
            )
        case Resolution.REMOVED:
            return "⚪ " + lang.say("{address} was removed. There is nothing to do.", address=address)
        case Resolution.FALSE_ALARM:
            return "✅ " + lang.say("False alarm: {address} works. There is nothing to do.", address=address)
        case Resolution.RECONNECTED:
            return "✅ " + lang.say(
                "{address} works again. Reconnected after {span}.", address=address, span=span
            )
        case _:
            return "✅ " + lang.say(
                "{address} works again by itself after {span}. There is nothing to do.",
                address=address,
                span=span,
            )


def removed_notice(lang: Language, removal: Removal, *, now: datetime) -> Message:
    """Both sides of a removal; edited as more becomes known."""
    said = lang.say("{address} was removed.", address=inert(removal.channel.address))
    at = removal.revocation_at
    asked = [context(lang.say("As of {when}", when=instant(lang, at)))] if at else []
    return message(said, [*removal_blocks(lang, removal), *asked])


def connected_notice(lang: Language, channel: Channel, ending: Ending, *, provider_label: str) -> Message:
    """The guarantee that a finished sign-in is heard of, should the modal be closed."""
    if channel.state is State.REMOVED:
        return _line(
            "⚪ "
            + lang.say("{address} was connected. It has been removed since.", address=inert(channel.address))
        )
    words = good_ending(lang, ending, shown(channel.address))
    mark = "⚪" if ending is Ending.STILL_DISABLED else "✅"
    said = f"{mark} {escape(words.text)}"
    lines = [said, escape(words.next_step)]
    blocks = [
        section("\n".join(line for line in lines if line)),
        *actions(*_after_connecting(lang, channel, ending)),
        context(*_told(lang, ending), lang.say("Not you? Disconnect it.")),
    ]
    return message(said, blocks)


def _told(lang: Language, ending: Ending) -> list[str]:
    """What happens from now on; nothing, while the inbox is disabled."""
    is_watched = ending is not Ending.STILL_DISABLED
    return [lang.say("If it stops working, you are told here.")] if is_watched else []


def _after_connecting(lang: Language, channel: Channel, ending: Ending) -> list[Block]:
    first = deed_button(lang, Deed.ENABLE if ending is Ending.STILL_DISABLED else Deed.SEE, channel)
    return [first, disconnect_button(lang, channel)]


def disabled_notice(lang: Language, channel: Channel, *, actor: UserId | None, now: datetime) -> Message:
    """Somebody else disabled this person's inbox."""
    address = inert(channel.address)
    said = (
        lang.say("{who} disabled your inbox {address}.", who=mention(actor), address=address)
        if actor
        else lang.say("Your inbox {address} was disabled.", address=address)
    )
    kept = lang.say("Nothing was deleted. You can enable it again at any time.")
    return message(
        f"⚪ {said}", [section(f"⚪ {said}\n{kept}"), *actions(deed_button(lang, Deed.ENABLE, channel))]
    )


def owner_gone_notice(lang: Language, channel: Channel, *, provider_label: str, is_open: bool) -> Message:
    """Asks a super admin what should become of the inbox of somebody who left."""
    address = inert(channel.address)
    if not is_open:
        return _line("✅ " + lang.say("{address}: decided. There is nothing to do.", address=address))
    who = mention(channel.owner_id) if channel.owner_id else "–"
    said = lang.say(
        "{who} left the workspace, but {address} is still managed here.", who=who, address=address
    )
    kept = lang.say(
        "Disable it to keep the permission at {house} for now, or remove it.",
        house=inert(house(provider_label), 40),
    )
    deeds = offered(channel, _FOR_ADMINS)
    return message(
        f"❓ {said}",
        [section(f"❓ {said}\n{kept}"), *actions(*(deed_button(lang, deed, channel) for deed in deeds))],
    )


def operator_notice(lang: Language, subject: str, provider_label: str, is_open: bool) -> Message:
    """``subject`` is a provider's key, its error code, and more (``google:invalid_client:…``)."""
    at = inert(house(provider_label), 40)
    if not is_open:
        return _line(
            "✅ " + lang.say("{house} accepts Inboxkeeper's client again. There is nothing to do.", house=at)
        )
    words = operator_words(lang, provider_label, _code_in(subject))
    said = f"🔧 {escape(words.why)}"
    untold = lang.say("Nobody else was told, and no inbox counts as disconnected for it.")
    return message(said, [section("\n".join([said, escape(words.next_step), untold]))])


def _code_in(subject: str) -> str:
    return subject.split(":")[1] if ":" in subject else ""


def _line(said: str) -> Message:
    return message(said, [context(said)])
