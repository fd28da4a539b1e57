"""The words of one outage: that it is, since when, why, what it stops, who can mend it, how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from bot.domain.address import NOWHERE
from bot.domain.channel import ADMIN_CAUSES, DOUBT_CAUSES, MANAGED_CAUSES, REFUSED_CAUSES
from bot.domain.ids import UserId
from bot.domain.incident import Incident, IncidentKind, Resolution, unexplained_by
from bot.domain.notice import Notice
from bot.domain.provider_outage import Proof
from bot.domain.view_models import IncidentModel, NoticeModel
from bot.views.blocks import ago, escape, inert, instant, mention
from bot.views.i18n import Language
from bot.views.wording import (
    cause_in_short,
    cause_words,
    company,
    mail_words,
    program_names,
    unexplained_words,
    way_words,
)

_CLAIMERS = 3
_UNSETTLED: Final = (Resolution.WORSE, Resolution.DOUBTED, Resolution.OURS)


def is_doubtful(outage: IncidentModel) -> bool:
    """It may still work: nobody could look for an hour."""
    return outage.incident.kind is IncidentKind.UNVERIFIABLE


def first_since(lang: Language, model: NoticeModel) -> str:
    """When the first of those that are still open began."""
    return since(lang, min(open_ones(model), key=lambda one: one.incident.opened_at))


def open_ones(model: NoticeModel) -> tuple[IncidentModel, ...]:
    return tuple(outage for outage in model.outages if outage.incident.is_open)


def mark(outage: IncidentModel) -> str:
    return "🟡" if is_doubtful(outage) else "🔴"


def named(lang: Language, outage: IncidentModel) -> str:
    """The address, with what the team calls it."""
    address = inert(outage.channel.address)
    if not outage.channel.name:
        return address
    return lang.say("{address} ({name})", address=address, name=inert(outage.channel.name, 40))


def headline(lang: Language, outage: IncidentModel) -> str:
    if is_doubtful(outage):
        return lang.say("{address} cannot be checked", address=named(lang, outage))
    return lang.say("{address} stopped working", address=named(lang, outage))


def brief(lang: Language, outage: IncidentModel) -> str:
    """What, since when and why in one line, for those who cannot mend it."""
    when = lang.say("since {when}", when=instant(lang, outage.incident.opened_at))
    why = _last_answer(lang, outage) if is_doubtful(outage) else in_short(lang, outage)
    return " · ".join(part for part in (f"{mark(outage)} {headline(lang, outage)}", when, why) if part)


def in_short(lang: Language, outage: IncidentModel) -> str:
    """Why, in a few words; of what cannot be checked also what was heard last."""
    if not is_doubtful(outage):
        return escape(cause_in_short(lang, outage.incident.cause, outage.provider_label))
    return " · ".join(part for part in (lang.say("cannot be checked"), _last_answer(lang, outage)) if part)


def _last_answer(lang: Language, outage: IncidentModel) -> str:
    """A refusal that was seen before the provider could not be reached any more."""
    if outage.incident.cause not in REFUSED_CAUSES:
        return ""
    short = cause_in_short(lang, outage.incident.cause, outage.provider_label)
    return lang.say("the last answer was: {cause}", cause=escape(short))


def since(lang: Language, outage: IncidentModel) -> str:
    """How long ago is Slack's to say: a span of ours would be of the last time that somebody edited."""
    opened_at = outage.incident.opened_at
    return lang.say("Since {when} ({ago})", when=instant(lang, opened_at), ago=ago(lang, opened_at))


def stops(lang: Language, outage: IncidentModel) -> str:
    """What somebody wrote that depends on it, and the programs that use it; nothing is no use saying."""
    if is_doubtful(outage):
        return ""
    use, programs = outage.channel.use, program_names(lang, [inert(it, 60) for it in outage.programs])
    written = lang.say("What stops working: {use}", use=inert(use, 200)) if use else ""
    lose = lang.say("Programs that lose access: {programs}.", programs=programs) if programs else ""
    return "\n".join(filter(None, [written, lose]))


def claimed_then(incidents: Iterable[Incident], by: UserId | None, notice: Notice) -> int:
    """How many that are open somebody came to be on in the step that a reply tells of."""
    at = notice.about.get("at")
    claimed = (it.claimed_at for it in incidents if it.is_open and it.claimed_by == by)
    return sum(one is not None and one.isoformat() == at for one in claimed)


def handed_words(lang: Language, who: str, address: str, number: int) -> str:
    """To whoever is on it from now on: ``address``, or so many at once."""
    if number > 1:
        return lang.say("{who} handed {n} inboxes over to you.", who=who, n=number)
    return lang.say("{who} handed {address} over to you.", who=who, address=address)


def relieved_words(lang: Language, who: str, address: str, number: int) -> str:
    """To whoever was on it until now."""
    if number > 1:
        return lang.say("{who} is on {n} inboxes now, instead of you.", who=who, n=number)
    return lang.say("{who} is on {address} now, instead of you.", who=who, address=address)


def proof(lang: Language, outages: Sequence[IncidentModel]) -> str:
    """What showed that those that are open must be reconnected, if that was another one's reconnect."""
    proven = [it for it in outages if it.incident.is_open and it.incident.proven_at is not None]
    if not proven:
        return ""
    first = min(proven, key=lambda it: it.incident.proven_at or it.incident.opened_at).incident
    worked = proof_words(lang, Proof(first.proven_at or first.opened_at, first.proven_by, first.proven_with))
    rest = lang.count(
        "{n} inbox is still refused: reconnect it, too.",
        "{n} inboxes are still refused: reconnect them, too.",
        len(proven),
    )
    return f"💡 {lang.together(worked, rest)}"


def proof_words(lang: Language, proven: Proof) -> str:
    """Who reconnected what, and that it was needed."""
    when = instant(lang, proven.at)
    if not proven.by:
        return lang.say(
            "Somebody reconnected another inbox, which was refused at the same time: that was needed, and it "
            "has worked since {when}.",
            when=when,
        )
    who, what = mention(proven.by), inert(proven.address)
    if not what:
        return lang.say(
            "{who} reconnected another inbox, which was refused at the same time: that was needed, and it "
            "has worked since {when}.",
            who=who,
            when=when,
        )
    return lang.say(
        "{who} reconnected {what}, which was refused at the same time: that was needed, and it has worked "
        "since {when}.",
        who=who,
        what=what,
        when=when,
    )


def reasons(lang: Language, outage: IncidentModel) -> str:
    """Why, what stops working, who can mend it and how; one line each."""
    channel, incident = outage.channel, outage.incident
    if is_doubtful(outage):
        return _uncertain(lang, outage)
    why = cause_words(lang, incident.cause, outage.provider_label, channel.said)
    step = escape(why.next_step)
    if outage.mail and outage.mail.place == NOWHERE:
        step = lang.say("Once its MX record is right: {step}", step=step)
    elif outage.mail:
        step = lang.say("If the mail was not supposed to move: {step}", step=step)
    lines = (
        escape(why.why),
        proof(lang, [outage]),
        _mail(lang, outage),
        _mender(lang, outage),
        step,
    )
    return "\n".join(line for line in lines if line)


def _uncertain(lang: Language, outage: IncidentModel) -> str:
    """What was found last, and that nobody knows whether it is still so."""
    cause, at = outage.incident.cause, company(outage.provider_label)
    waiting = lang.say("It may still work. We keep trying and tell you here; you don't need to do anything.")
    if cause in DOUBT_CAUSES:
        known = cause_words(lang, cause, outage.provider_label, outage.channel.said)
        return "\n".join([escape(known.why), escape(known.next_step)])
    if (found := unexplained_by(outage.incident)) is not None:
        unknown = unexplained_words(lang, found, outage.provider_label)
        return "\n".join([escape(unknown.why), escape(unknown.next_step)])
    if cause not in REFUSED_CAUSES:
        return "\n".join([escape(cause_words(lang, cause, outage.provider_label).why), waiting])
    said = lang.say(
        "{company}'s last answer was a refusal ({cause}). It has not been reachable since, so this is not "
        "certain.",
        company=at,
        cause=cause_in_short(lang, cause, outage.provider_label),
    )
    return "\n".join([escape(said), waiting])


def _mail(lang: Language, outage: IncidentModel) -> str:
    """Where its mail goes by now: reconnecting where it was may be the wrong thing to do."""
    if outage.mail is None:
        return ""
    way = way_words(lang, outage.mail, outage.channel.provider)
    return f"📭 {escape(lang.together(mail_words(lang, outage.mail), way))}"


def _mender(lang: Language, outage: IncidentModel) -> str:
    if outage.incident.cause in ADMIN_CAUSES:
        admin = inert(company(outage.provider_label), 40)
        return lang.say("Who can fix it: your organisation's {company} admin.", company=admin)
    if outage.incident.cause in MANAGED_CAUSES:
        managed = inert(company(outage.provider_label), 40)
        return lang.say("Who can fix it: whoever manages your {company} accounts.", company=managed)
    if outage.channel.via:
        account = inert(outage.channel.via)
        return lang.say("Who can fix it: whoever can sign in as {account}.", account=account)
    if outage.channel.is_personal:
        return lang.say("Who can fix it: you.")
    return lang.say("Who can fix it: whoever can sign in to this mailbox.")


def claims(lang: Language, model: NoticeModel) -> list[str]:
    """Who said that they are on it: in a line each, for as much of the message as they took on."""
    return claims_of(lang, [outage.incident for outage in open_ones(model)])


def claims_of(lang: Language, waiting: Sequence[Incident]) -> list[str]:
    """The same, of these outages."""
    taken = Counter(incident.claimed_by for incident in waiting if incident.claimed_by)
    return [
        "🙋 " + _claim(lang, who, [it for it in waiting if it.claimed_by == who], len(waiting))
        for who, _ in taken.most_common(_CLAIMERS)
    ]


def _claim(lang: Language, who: UserId, taken: list[Incident], total: int) -> str:
    when = [instant(lang, it.claimed_at) for it in taken if it.claimed_at] or ["–"]
    if len(taken) == total:
        return lang.say("{who} has been on it since {when}.", who=mention(who), when=when[0])
    return lang.say(
        "{who} is on {n} of these {total} since {when}.",
        who=mention(who),
        n=len(taken),
        total=total,
        when=when[0],
    )


def is_settled(outage: IncidentModel) -> bool:
    """Whether it is over, and not only taken back or told of anew."""
    return outage.incident.resolution not in _UNSETTLED


def what_became(lang: Language, outages: Sequence[IncidentModel]) -> str:
    """What became of several of which some are not over for good: how many of each."""
    ends = Counter(it.incident.resolution for it in outages)
    over = len([it for it in outages if is_settled(it)])
    said = [_became(lang, outages, it, ends[it]) for it in _UNSETTLED if ends[it]]
    return lang.together(lang.count("{n} is over.", "{n} are over.", over) if over else "", *said)


def _became(lang: Language, outages: Sequence[IncidentModel], resolution: Resolution, n: int) -> str:
    match resolution:
        case Resolution.WORSE:
            return lang.count(
                "{n} turned out to be refused: see the newer message.",
                "{n} turned out to be refused: see the newer message.",
                n,
            )
        case Resolution.DOUBTED:
            label = next(it.provider_label for it in outages if it.incident.resolution is resolution)
            return lang.count(
                "{n} was probably a false alarm: {company} refuses many inboxes at once; do nothing for now.",
                "{n} were probably false alarms: {company} refuses many inboxes at once; do nothing for now.",
                n,
                company=inert(company(label), 40),
            )
    return lang.count(
        "{n} cannot be checked at the moment, through a fault in Inboxkeeper's own setup. Whoever runs it "
        "has been told.",
        "{n} cannot be checked at the moment, through a fault in Inboxkeeper's own setup. Whoever runs it "
        "has been told.",
        n,
    )


def ended(lang: Language, outage: IncidentModel, now: datetime) -> str:
    """How it ended, in one line: who did what, how long it lasted, and that nothing is left to do."""
    incident, address = outage.incident, named(lang, outage)
    who = mention(incident.resolved_by) if incident.resolved_by else ""
    span = lang.lasting((incident.resolved_at or now) - incident.opened_at)
    match incident.resolution:
        case Resolution.RECONNECTED:
            return "✅ " + _reconnected(lang, address, who, span)
        case Resolution.SWITCHED:
            return "✅ " + _switched(lang, address, who, span)
        case Resolution.DISABLED | Resolution.REMOVED:
            return "⚪ " + _put_away(lang, incident.resolution, address, who)
        case Resolution.WORSE | Resolution.DOUBTED | Resolution.OURS:
            return "⚪ " + _unsettled(lang, outage)
        case Resolution.FALSE_ALARM:
            return "✅ " + lang.say("False alarm: {address} works. There is nothing to do.", address=address)
        case _:
            return "✅ " + lang.say(
                "{address} works again on its own, after {span}. There is nothing to do.",
                address=address,
                span=span,
            )


def _unsettled(lang: Language, outage: IncidentModel) -> str:
    """It is no alarm any more, but nobody says that it works."""
    address, at = named(lang, outage), inert(company(outage.provider_label), 40)
    match outage.incident.resolution:
        case Resolution.WORSE:
            return lang.say(
                "{address}: it is clear now that {company} refuses it. See the newer message.",
                address=address,
                company=at,
            )
        case Resolution.DOUBTED:
            return lang.say(
                "{address}: probably a false alarm. {company} refuses many inboxes at once; do nothing for "
                "now.",
                address=address,
                company=at,
            )
    return lang.say(
        "{address} cannot be checked at the moment, through a fault in Inboxkeeper's own setup. Whoever runs "
        "it has been told; you are told here if {company} still refuses afterwards.",
        address=address,
        company=at,
    )


def _reconnected(lang: Language, address: str, who: str, span: str) -> str:
    if not who:
        return lang.say("{address} works again. Reconnected after {span}.", address=address, span=span)
    return lang.say(
        "{address} works again. Reconnected by {who} after {span}.", address=address, who=who, span=span
    )


def _switched(lang: Language, address: str, who: str, span: str) -> str:
    if not who:
        return lang.say(
            "{address} works again. Switched to another provider after {span}.", address=address, span=span
        )
    return lang.say(
        "{address} works again. Switched to another provider by {who} after {span}.",
        address=address,
        who=who,
        span=span,
    )


def _put_away(lang: Language, resolution: Resolution, address: str, who: str) -> str:
    is_disabled = resolution is Resolution.DISABLED
    if is_disabled and who:
        return lang.say("{address} was disabled by {who}. There is nothing to do.", address=address, who=who)
    if is_disabled:
        return lang.say("{address} was disabled. There is nothing to do.", address=address)
    if who:
        return lang.say("{address} was removed by {who}. There is nothing to do.", address=address, who=who)
    return lang.say("{address} was removed. There is nothing to do.", address=address)
