"""A channel's incident in one message for its whole life: open, claimed, snoozed, over; several in a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.domain.channel import ADMIN_CAUSES, MANAGED_CAUSES, OUTAGE_LIKE
from bot.domain.ids import NoticeId, UserId
from bot.domain.incident import Incident, Snooze
from bot.domain.provider_traits import may_switch
from bot.domain.view_models import IncidentModel, NoticeModel
from bot.views.blocks import (
    Block,
    Message,
    actions,
    bold,
    button,
    clock,
    context,
    escape,
    fitting,
    grey,
    inert,
    instant,
    link,
    mention,
    message,
    paragraphs,
    quiet,
    quiet_list,
    quoted,
    section,
    select,
    to_type,
)
from bot.views.buttons import switch_button, why_button
from bot.views.i18n import Language
from bot.views.messages.incident_text import (
    brief,
    claims,
    ended,
    first_since,
    headline,
    in_short,
    is_doubtful,
    is_settled,
    mark,
    named,
    open_ones,
    proof,
    reasons,
    since,
    stops,
    what_became,
)
from bot.views.text import shown
from bot.views.wording import company, mail_in_short
from bot.views.wording.approvals import admin_message

_ROWS: Final = 20
"""Outages with a button of their own: Slack takes 50 blocks in a message."""
_ROOM: Final = 8_600
"""Characters for the lines; heading, who is on it and the buttons need the rest of Slack's 10,000."""


def storm_headline(lang: Language, model: NoticeModel) -> str:
    """How many do not work, of how many."""
    waiting, total = len(open_ones(model)), len(model.outages)
    if all(is_doubtful(outage) for outage in open_ones(model)):
        return "🟡 " + lang.count("{n} inbox cannot be checked", "{n} inboxes cannot be checked", waiting)
    if waiting == total:
        return "🔴 " + lang.count("{n} inbox stopped working", "{n} inboxes stopped working", total)
    return "🔴 " + lang.count(
        "{n} of {total} inboxes still does not work",
        "{n} of {total} inboxes still do not work",
        waiting,
        total=total,
    )


def storm_blocks(lang: Language, model: NoticeModel) -> list[Block]:
    """A line per outage, with the time of day (the heading has the date); what finds no room is counted."""
    waiting = open_ones(model)
    over = [outage for outage in model.outages if not outage.incident.is_open]
    # One after the other, until there is no room: a list of thousands is not worded for the first fifty.
    lines = (_line(lang, it) + (_link(lang, it) if n >= _ROWS else "") for n, it in enumerate(waiting))
    shown = fitting(lines, _ROOM)
    room = _ROOM - sum(len(line) + 1 for line in shown) if len(shown) == len(waiting) else 0
    quiet = fitting((ended(lang, outage, model.now) for outage in over), room)
    hidden = _hidden(lang, model.command, len(waiting) - len(shown), len(over) - len(quiet))
    rows = [
        section(line, _reconnect(lang, outage)) for line, outage in zip(shown[:_ROWS], waiting, strict=False)
    ]
    linked = [section(text) for text in paragraphs(shown[_ROWS:])]
    return [*rows, *linked, *grey(quiet), *hidden]


def _hidden(lang: Language, command: str, waiting: int, over: int) -> list[Block]:
    """How many of either kind are not shown, and where to see them."""
    counted = [
        *([lang.say("and {n} more that are not over yet", n=waiting)] if waiting else []),
        *([lang.say("and {n} more that are over", n=over)] if over else []),
    ]
    if not counted:
        return []
    where = lang.say("{command} shows all inboxes.", command=to_type(command, lang.say("list")))
    return [context("\n".join([*counted, where]))]


def _line(lang: Language, outage: IncidentModel) -> str:
    channel = outage.channel
    parts = [
        f"{mark(outage)} *{inert(channel.address)}*",
        inert(channel.name, 40),
        _since(lang, outage),
        in_short(lang, outage),
        escape(mail_in_short(lang, outage.mail)) if outage.mail else "",
        inert(channel.use, 60),
        _taken(lang, outage),
    ]
    return " · ".join(part for part in parts if part)


def _taken(lang: Language, outage: IncidentModel) -> str:
    return f"🙋 {mention(outage.incident.claimed_by)}" if outage.incident.claimed_by else ""


def _since(lang: Language, outage: IncidentModel) -> str:
    return lang.say("since {when}", when=clock(outage.incident.opened_at))


def _reconnect(lang: Language, outage: IncidentModel) -> Block | None:
    if not outage.url or is_doubtful(outage):
        return None
    about = outage.channel.address
    return button(lang.say("Reconnect"), RECONNECT_LINK, url=outage.url, about=about)


def _link(lang: Language, outage: IncidentModel) -> str:
    """The same for what finds no room for a button of its own."""
    if not outage.url or is_doubtful(outage):
        return ""
    return " · " + link(outage.url, lang.say("Reconnect"))


RECONNECT_LINK: Final = "incident.reconnect"
CLAIM: Final = "incident.claim"
HAND_BACK: Final = "incident.hand_back"
HAND_OVER: Final = "incident.hand_over"
SNOOZE: Final = "incident.snooze"
WAKE: Final = "incident.wake"
"""These carry the notice's id; *snooze* as ``<choice>:<notice id>``, *hand over* with a person's id."""

_DOUBTED_FOR: Final = timedelta(minutes=15)
_NAMED: Final = 10
"""Addresses in a team's conversation."""


def incident_notice(lang: Language, model: NoticeModel) -> Message:
    """What one reader should see now about one outage, or about several that began together."""
    if not open_ones(model):
        return _over(lang, model)
    if len(model.outages) > 1:
        return _storm(lang, model)
    outage = model.outages[0]
    said = f"{mark(outage)} {headline(lang, outage)}"
    first = f"{mark(outage)} {bold(headline(lang, outage))}"
    blocks = [
        section("\n".join(filter(None, [first, stops(lang, outage)]))),
        *_typed(lang, model, outage),
        *actions(*_buttons(lang, model, outage)),
        *_roles(lang, model),
        context(since(lang, outage)),
        section(reasons(lang, outage)),
        *_doubt(lang, outage, model.now),
        *_forward(lang, outage),
    ]
    return message(_notified(said, outage), blocks)


def _buttons(lang: Language, model: NoticeModel, outage: IncidentModel) -> list[Block]:
    """What mends it first. Menus take a line of a phone each, so they come after all buttons."""
    said = answers(lang, model, model.notice.id)
    menus = [it for it in said if it["type"] != "button"]
    short = [it for it in said if it["type"] == "button"]
    return [*mend(lang, outage, model.now), *short, why_button(lang, outage.channel), *menus]


def _notified(said: str, outage: IncidentModel) -> str:
    """What a lock screen shows: with the use, since nothing else is seen there."""
    return f"{said} · {inert(outage.channel.use, 80)}" if outage.channel.use else said


def _storm(lang: Language, model: NoticeModel) -> Message:
    said = storm_headline(lang, model)
    blocks = [
        section(f"{bold(said)}\n{first_since(lang, model)}"),
        *actions(*answers(lang, model, model.notice.id)),
        *_roles(lang, model),
        *([section(why)] if (why := proof(lang, model.outages)) else []),
        *storm_blocks(lang, model),
    ]
    return message(said, blocks)


def _over(lang: Language, model: NoticeModel) -> Message:
    """Only what is over for good is green; of the others each is an address below what became of them."""
    outages, now = model.outages, model.now
    if not outages:
        return quiet("⚪ " + lang.say("There is nothing left to do."))
    if len(outages) == 1:
        return quiet(ended(lang, outages[0], now))
    lines = (
        ended(lang, it, now) if is_settled(it) else f"⚪ {named(lang, it)}"
        for it in sorted(outages, key=is_settled)
    )
    if all(map(is_settled, outages)):
        total = lang.count("{n} outage is over.", "All {n} outages are over.", len(outages))
        return quiet_list(lang, f"✅ {total}", lines, number=len(outages))
    return quiet_list(lang, f"⚪ {what_became(lang, outages)}", lines, number=len(outages))


def _forward(lang: Language, outage: IncidentModel) -> list[Block]:
    """What only the organisation's admin can mend, with a message that is ready to be forwarded."""
    incident = outage.incident
    if incident.cause not in ADMIN_CAUSES or outage.channel.provider == "imap" or is_doubtful(outage):
        return []
    at = company(outage.provider_label)
    lines = admin_message(
        lang,
        incident.cause,
        at,
        address=outage.channel.address,
        app=outage.app,
        code=incident.code,
    )
    return [section("\n".join([lang.say("A message you can forward to that admin:"), *quoted(lines)]))]


def _roles(lang: Language, model: NoticeModel) -> list[Block]:
    """Who is on it, and until when this reader wants no reminder."""
    lines = claims(lang, model)
    until = model.notice.snoozed_until
    if until is not None and until > model.now:
        lines.append("💤 " + lang.say("No reminders for you until {when}.", when=instant(lang, until)))
    return [context("\n".join(lines))] if lines else []


def _doubt(lang: Language, outage: IncidentModel, now: datetime) -> list[Block]:
    """Nobody else could be asked: people may know better than we do whether it is the provider."""
    if not is_unwitnessed(outage, now):
        return []
    said = lang.say(
        "There was no other inbox to compare with, so this may also be an outage at {company}. If {company} "
        "works for you otherwise, reconnect.",
        company=inert(company(outage.provider_label), 40),
    )
    return [section(f"🤔 {said}")]


def is_unwitnessed(outage: IncidentModel, now: datetime) -> bool:
    """Refused without any other inbox to compare with, and only lately, for what an outage can look like."""
    is_doubtful_cause = outage.incident.cause in OUTAGE_LIKE
    return (
        is_doubtful_cause
        and outage.incident.is_uncorroborated
        and now - outage.incident.opened_at < _DOUBTED_FOR
    )


def mend(lang: Language, outage: IncidentModel, now: datetime) -> list[Block]:
    if not outage.url or is_doubtful(outage):
        return []
    # Where somebody else must act before it helps, or it may be an outage, it does not press.
    waits = outage.incident.cause in ADMIN_CAUSES | MANAGED_CAUSES
    style = "" if waits or is_unwitnessed(outage, now) else "primary"
    about = outage.channel.address
    reconnect = button(lang.say("Reconnect"), RECONNECT_LINK, url=outage.url, style=style, about=about)
    return [reconnect, *_switch(lang, outage)]


def _typed(lang: Language, model: NoticeModel, outage: IncidentModel) -> list[Block]:
    """The way without a button: the link to it was lost."""
    if outage.url or is_doubtful(outage):
        return []
    command = to_type(model.command, lang.say("reconnect"), inert(outage.channel.address))
    return [section(lang.say("To reconnect: {command}", command=command))]


def _switch(lang: Language, outage: IncidentModel) -> list[Block]:
    """Its mail has moved: most likely that is where it should be connected."""
    mail, channel = outage.mail, outage.channel
    if mail is None or not mail.is_on or not may_switch(channel.provider, mail.place):
        return []
    return [switch_button(lang, channel, mail.place, mail.label)]


def answers(lang: Language, model: NoticeModel, notice_id: NoticeId) -> list[Block]:
    """What a reader can say of it: about the message that is ``notice_id``'s."""
    waiting = [
        outage.incident
        for outage in open_ones(model)
        if not outage.channel.is_personal and not is_doubtful(outage)
    ]
    return answers_about(lang, model, notice_id, waiting)


def answers_about(
    lang: Language, model: NoticeModel, notice_id: NoticeId, waiting: Sequence[Incident]
) -> list[Block]:
    """The same for those of its outages that are for somebody to take on: others should know who is on it;
    for one's own inbox, or having said so, there is nothing to say."""
    mine = [it.claimed_by == model.notice.recipient for it in waiting]
    claim = [] if all(mine) else [button(lang.say("I'm on it"), CLAIM, value=notice_id)]
    back = [button(lang.say("Hand back"), HAND_BACK, value=notice_id)] if any(mine) else []
    over = _hand_over(lang, model, notice_id) if any(mine) else []
    return [*claim, *back, *over, _snooze(lang, model, notice_id)]


_TAKERS: Final = 100
"""As many as a menu takes."""


def _hand_over(lang: Language, model: NoticeModel, notice_id: NoticeId) -> list[Block]:
    """To one of the others who were told."""
    options = [(shown(it.name or it.id, 70), f"{it.id}:{notice_id}") for it in model.takers[:_TAKERS]]
    return [select(lang.say("Hand over to…"), HAND_OVER, options)] if options else []


def parse_hand_over(value: str) -> tuple[UserId, NoticeId]:
    """What a choice of *Hand over to…* carries."""
    to, _, notice_id = value.partition(":")
    return UserId(to), NoticeId(notice_id)


def _snooze(lang: Language, model: NoticeModel, notice_id: NoticeId) -> Block:
    if model.notice.snoozed_until is not None and model.notice.snoozed_until > model.now:
        return button(lang.say("Remind me again"), WAKE, value=notice_id)
    choices = {
        Snooze.HOUR: lang.say("1 hour"),
        Snooze.FOUR_HOURS: lang.say("4 hours"),
        Snooze.MORNING: lang.say("Until 9:00 where you are"),
    }
    options = [(label, f"{choice}:{notice_id}") for choice, label in choices.items()]
    return select(lang.say("Snooze"), SNOOZE, options)


def parse_snooze(value: str) -> tuple[Snooze, NoticeId] | None:
    """What a choice of *Snooze* carries; a bare id is of the button that there was before it."""
    choice, _, notice_id = value.rpartition(":")
    if not choice:
        return Snooze.FOUR_HOURS, NoticeId(notice_id)
    return (Snooze(choice), NoticeId(notice_id)) if choice in set(Snooze) else None


def conversation_notice(lang: Language, model: NoticeModel) -> Message:
    """The one line in a team's conversation. No links: they are somebody's own."""
    waiting = open_ones(model)
    if not waiting:
        return _over(lang, model)
    said = brief(lang, waiting[0])
    if len(model.outages) > 1:
        first = min(waiting, key=lambda one: one.incident.opened_at)
        said = " · ".join([storm_headline(lang, model), _since(lang, first), _addresses(lang, waiting)])
    who = claims(lang, model) or [lang.say("The people who look after it have been told.")]
    return message(said, [section("\n".join([said, *who]))])


def _addresses(lang: Language, outages: tuple[IncidentModel, ...]) -> str:
    names = lang.listed(inert(outage.channel.address) for outage in outages[:_NAMED])
    rest = len(outages) - _NAMED
    return names if rest <= 0 else lang.say("{addresses} and {n} more", addresses=names, n=rest)
