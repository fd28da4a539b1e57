"""An outage in one message for its whole life: open, claimed, snoozed, over. Several are a list.

The one rule: what has to be done stands first, and what is over is quiet.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bot.domain.cause import ADMIN_CAUSES, MANAGED_CAUSES, OUTAGE_LIKE
from bot.domain.switching import may_switch
from bot.views.blocks import (
    Block,
    Message,
    actions,
    bold,
    button,
    context,
    inert,
    instant,
    message,
    quoted,
    section,
    to_type,
)
from bot.views.buttons import switch_button, why_button
from bot.views.language import Language
from bot.views.models import NoticePicture, Outage
from bot.views.notices.outages import (
    brief,
    claims,
    ended,
    first_since,
    headline,
    is_doubtful,
    is_settled,
    mark,
    named,
    open_ones,
    proof,
    reasons,
    since,
    whereabouts,
)
from bot.views.notices.quiet import quiet, quiet_list
from bot.views.notices.storms import storm_blocks, storm_headline
from bot.views.words import house
from bot.views.words.forwarding import admin_message

RECONNECT_LINK: Final = "incident.reconnect"
CLAIM: Final = "incident.claim"
SNOOZE: Final = "incident.snooze"
"""*Claim* and *snooze* carry the notice's id."""

_DOUBTED_FOR: Final = timedelta(minutes=15)
_NAMED: Final = 10
"""Addresses in a team's conversation."""


def incident_notice(lang: Language, picture: NoticePicture) -> Message:
    """What one reader should see now about one outage, or about several that began together."""
    if not open_ones(picture):
        return _over(lang, picture)
    if len(picture.outages) > 1:
        return _storm(lang, picture)
    outage = picture.outages[0]
    said = f"{mark(outage)} {headline(lang, outage)}"
    blocks = [
        section(f"{mark(outage)} {bold(headline(lang, outage))}\n{since(lang, outage, picture.now)}"),
        section(reasons(lang, outage)),
        *_forward(lang, outage),
        *_doubt(lang, outage, picture.now),
        *_typed(lang, picture, outage),
        *_standing(lang, picture),
        *actions(
            *_mend(lang, outage, picture.now), *_answers(lang, picture), why_button(lang, outage.channel)
        ),
    ]
    return message(said, blocks)


def _storm(lang: Language, picture: NoticePicture) -> Message:
    said = storm_headline(lang, picture)
    blocks = [
        section(f"{bold(said)}\n{first_since(lang, picture)}"),
        *([section(why)] if (why := proof(lang, picture.outages)) else []),
        *storm_blocks(lang, picture),
        *_standing(lang, picture),
        *actions(*_answers(lang, picture)),
    ]
    return message(said, blocks)


def _over(lang: Language, picture: NoticePicture) -> Message:
    """Only what is over for good is green; of the others each is an address below what became of them."""
    outages, now = picture.outages, picture.now
    if not outages:
        return quiet("⚪ " + lang.say("There is nothing to do any more."))
    if len(outages) == 1:
        return quiet(ended(lang, outages[0], now))
    lines = [
        ended(lang, it, now) if is_settled(it) else f"⚪ {named(lang, it)}"
        for it in sorted(outages, key=is_settled)
    ]
    if all(map(is_settled, outages)):
        total = lang.count("{n} outage is over.", "All {n} outages are over.", len(outages))
        return quiet_list(lang, f"✅ {total}", lines)
    return quiet_list(lang, f"⚪ {whereabouts(lang, outages)}", lines)


def _forward(lang: Language, outage: Outage) -> list[Block]:
    """What only the organisation's admin can mend, with a message that is ready to be forwarded."""
    incident = outage.incident
    if incident.cause not in ADMIN_CAUSES or outage.channel.provider == "imap" or is_doubtful(outage):
        return []
    at = house(outage.provider_label)
    lines = admin_message(
        lang,
        incident.cause,
        at,
        address=outage.channel.address,
        app=outage.app,
        code=incident.code,
    )
    return [section("\n".join([lang.say("A message to forward to that admin:"), *quoted(lines)]))]


def _standing(lang: Language, picture: NoticePicture) -> list[Block]:
    """Who is on it, and until when this reader wants no reminder."""
    lines = claims(lang, picture)
    until = picture.notice.snoozed_until
    if until is not None and until > picture.now:
        lines.append("💤 " + lang.say("No reminders for you until {when}.", when=instant(lang, until)))
    return [context("\n".join(lines))] if lines else []


def _doubt(lang: Language, outage: Outage, now: datetime) -> list[Block]:
    """Nobody else could be asked: people may know better than we do whether it is the provider."""
    if not is_unwitnessed(outage, now):
        return []
    said = lang.say(
        "There was no other inbox to compare with, so this may also be an outage at {house}. If {house} "
        "works for you otherwise, reconnect.",
        house=inert(house(outage.provider_label), 40),
    )
    return [section(f"🤔 {said}")]


def is_unwitnessed(outage: Outage, now: datetime) -> bool:
    """Refused without any other inbox to compare with, and only lately, for what an outage can look like."""
    is_doubtful_cause = outage.incident.cause in OUTAGE_LIKE
    return is_doubtful_cause and outage.incident.is_lonely and now - outage.incident.opened_at < _DOUBTED_FOR


def _mend(lang: Language, outage: Outage, now: datetime) -> list[Block]:
    if not outage.url or is_doubtful(outage):
        return []
    # Where somebody else must act before it helps, or it may be an outage, it does not press.
    waits = outage.incident.cause in ADMIN_CAUSES | MANAGED_CAUSES
    style = "" if waits or is_unwitnessed(outage, now) else "primary"
    about = outage.channel.address
    reconnect = button(lang.say("Reconnect"), RECONNECT_LINK, url=outage.url, style=style, about=about)
    return [reconnect, *_switch(lang, outage)]


def _typed(lang: Language, picture: NoticePicture, outage: Outage) -> list[Block]:
    """The way without a button: the link to it was lost."""
    if outage.url or is_doubtful(outage):
        return []
    command = to_type(picture.command, lang.say("reconnect"), inert(outage.channel.address))
    return [section(lang.say("To reconnect: {command}", command=command))]


def _switch(lang: Language, outage: Outage) -> list[Block]:
    """Its mail has moved: most likely that is where it should be connected."""
    mail, channel = outage.mail, outage.channel
    if mail is None or not mail.is_on or not may_switch(channel.provider, mail.place):
        return []
    return [switch_button(lang, channel, mail.place, mail.label)]


def _answers(lang: Language, picture: NoticePicture) -> list[Block]:
    notice_id = picture.notice.id
    claim = button(lang.say("I'm on it"), CLAIM, value=notice_id)
    snooze = button(lang.say("Snooze 4 h"), SNOOZE, value=notice_id)
    return [claim, snooze] if _is_claimable(picture) else [snooze]


def _is_claimable(picture: NoticePicture) -> bool:
    """Others should know who is on it; for one's own inbox, or having said so, there is nothing to say."""
    return any(
        not outage.channel.is_personal
        and not is_doubtful(outage)
        and outage.incident.claimed_by != picture.notice.recipient
        for outage in picture.outages
        if outage.incident.is_open
    )


def conversation_notice(lang: Language, picture: NoticePicture) -> Message:
    """The one line in a team's conversation. No links: they are somebody's own."""
    waiting = open_ones(picture)
    if not waiting:
        return _over(lang, picture)
    said = brief(lang, waiting[0])
    if len(picture.outages) > 1:
        said = " · ".join(
            [storm_headline(lang, picture), first_since(lang, picture), _addresses(lang, waiting)]
        )
    who = claims(lang, picture) or [lang.say("Those who look after it have been told.")]
    return message(said, [section("\n".join([said, *who]))])


def _addresses(lang: Language, outages: tuple[Outage, ...]) -> str:
    names = lang.listed(inert(outage.channel.address) for outage in outages[:_NAMED])
    rest = len(outages) - _NAMED
    return names if rest <= 0 else lang.say("{addresses} and {n} more", addresses=names, n=rest)
