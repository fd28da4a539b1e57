"""Why an inbox is in its state, and what would happen if it stopped working: for whoever doubts.

The one rule: what is shown was recorded or is true now; a drill says on every screen that it is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final, NamedTuple

from bot.domain.access import Operation
from bot.domain.channel import Cause, HistoryEntry, State
from bot.domain.ids import IncidentId, NoticeId, UserId
from bot.domain.incident import Incident, IncidentKind
from bot.domain.notice import Notice, NoticeKind
from bot.domain.view_models import ChannelRow, Drill, HistoryModel, IncidentModel, NoticeModel, Told
from bot.views.availability import in_row
from bot.views.blocks import (
    Block,
    Message,
    actions,
    bold,
    button,
    context,
    divider,
    escape,
    inert,
    instant,
    mention,
    message,
    moment,
    section,
)
from bot.views.buttons import operation_button, overview_button
from bot.views.home import since, title
from bot.views.i18n import Language, language_for
from bot.views.messages.incident import incident_notice
from bot.views.status import programs
from bot.views.wording import Why, cause_words, company, mail_words, trouble_words
from bot.views.wording.history import evidence_words, peers_words, unreachable_words
from bot.views.wording.names import more_people

EXPORT_OPEN: Final = "export.open"

_LINES: Final = 12
_AT_ONCE: Final = timedelta(seconds=1)
_STEPS_OF_A_STRIKE: Final = frozenset({"refused", "refused_again", "held", "too_old"})
"""What a look's step is called when others were asked about it."""
_PEOPLE: Final = 12


# --- why


def why_message(lang: Language, evidence: HistoryModel, *, now: datetime) -> Message:
    """State, cause, what was seen and judged, whom we told and what they did: on one screen."""
    channel = evidence.row.channel
    blocks = [
        section("\n".join(_head(lang, evidence.row))),
        *(section(text) for text in ["\n".join(_cause(lang, evidence))] if text),
        *told_blocks(lang, evidence.incident, evidence.told, now),
        *programs(lang, evidence.programs),
        *timeline(lang, evidence.records),
        *actions(operation_button(lang, Operation.SEE, channel), overview_button(lang)),
    ]
    return message(lang.say("Why: {address}", address=inert(channel.address)), blocks)


def _head(lang: Language, row: ChannelRow) -> list[str]:
    """Which inbox, how it is now, and how it was in the last thirty days."""
    return [title(lang, row), since(lang, row), *in_row(lang, row.availability, roomy=True)]


def _cause(lang: Language, evidence: HistoryModel) -> list[str]:
    """Why it is so, in our words and in the provider's, and when we look again."""
    row = evidence.row
    why = _judged(lang, evidence)
    lines = [escape(lang.together(why.why, why.next_step))] if why else []
    if row.mail is not None:
        lines.append(f"📭 {escape(mail_words(lang, row.mail))}")
    if code := _code(evidence):
        at = inert(company(row.provider_label), 40)
        lines.append(
            lang.say("What {company} answered last: {code}", company=at, code=f"`{inert(code, 60)}`")
        )
    if evidence.strikes and row.channel.state is not State.CONNECTED:
        lines.append(lang.count("{n} refusal in a row.", "{n} refusals in a row.", evidence.strikes))
    if evidence.next_probe_at is not None:
        lines.append(lang.say("Next check: {when}", when=instant(lang, evidence.next_probe_at)))
    return lines


def _judged(lang: Language, evidence: HistoryModel) -> Why | None:
    """Nothing of what works as it should, or was turned off while it did."""
    row, channel, incident = evidence.row, evidence.row.channel, evidence.incident
    if channel.state is State.CONNECTED:
        return Why(lang.say("Everything works."), "")
    if channel.state is State.DISABLED and not channel.needs_reconnect:
        return None
    if incident is not None and incident.is_open and channel.state is State.DISCONNECTED:
        return cause_words(lang, incident.cause, row.provider_label, channel.said)
    return trouble_words(lang, channel, row.provider_label, row.advice, row.unexplained)


def _code(evidence: HistoryModel) -> str:
    """The provider's own code of the last refusal, for as long as there is trouble."""
    if evidence.row.channel.state is State.CONNECTED:
        return ""
    found = (record.details.get("code", "") for record in evidence.records)
    return next(filter(None, found), evidence.incident.code if evidence.incident else "")


def told_blocks(
    lang: Language, incident: Incident | None, told: Sequence[Told], now: datetime
) -> list[Block]:
    """Whom the last outage was told, and what came of that."""
    if incident is None:
        return []
    heading = (
        lang.say("Who was told")
        if incident.is_open
        else lang.say("Who was told of the last outage ({when})", when=instant(lang, incident.opened_at))
    )
    lines = [
        "• " + lang.say("{who}: {what}", who=mention(one.recipient), what=_reached(lang, one, now))
        for one in told[:_PEOPLE]
    ]
    rest = len(told) - _PEOPLE
    if rest > 0:
        lines.append(more_people(lang, rest))
    if incident.claimed_by and incident.claimed_at:
        when = instant(lang, incident.claimed_at)
        lines.append(
            "🙋 "
            + lang.say("{who} has been on it since {when}.", who=mention(incident.claimed_by), when=when)
        )
    return [section("\n".join([bold(heading), *(lines or [lang.say("nobody")])]))]


def _reached(lang: Language, told: Told, now: datetime) -> str:
    """Whether the message arrived, and what followed."""
    if told.unreachable:
        return escape(unreachable_words(lang, told.unreachable))
    facts = [lang.say("told") if told.is_shown else lang.say("not told yet")]
    if told.reminders:
        facts.append(lang.count("{n} reminder", "{n} reminders", told.reminders))
    if told.snoozed_until is not None and told.snoozed_until > now:
        facts.append(lang.say("snoozed until {when}", when=instant(lang, told.snoozed_until)))
    return lang.listed(facts)


class _HistoryLine(NamedTuple):
    """One thing that happened, maybe many times in a row."""

    words: str
    at: datetime
    first_at: datetime
    times: int


def timeline(lang: Language, records: Sequence[HistoryEntry]) -> list[Block]:
    """Newest first and to the second, since a refusal and what follows are seconds apart; what repeats itself
    is one line."""
    lines = list(_lines(lang, records))
    if not lines:
        return []
    shown = "\n".join(_said(lang, line) for line in lines[:_LINES])
    rest = len(lines) - _LINES
    more = [context(lang.count("and {n} more", "and {n} more", rest))] if rest > 0 else []
    return [section(bold(lang.say("What happened"))), context(shown), *more]


def _said(lang: Language, line: _HistoryLine) -> str:
    if line.times == 1:
        return f"{moment(lang, line.at)} {line.words}"
    times = lang.say("{n} times since {when}", n=line.times, when=moment(lang, line.first_at))
    return f"{moment(lang, line.at)} {line.words} · {times}"


def _lines(lang: Language, records: Sequence[HistoryEntry]) -> Iterator[_HistoryLine]:
    worded = [(words, moment[0].at) for moment in _moments(records) if (words := _moment(lang, moment))]
    for words, run in groupby(worded, key=lambda pair: pair[0]):
        instants = [at for _, at in run]
        yield _HistoryLine(words, instants[0], instants[-1], len(instants))


def _moments(records: Sequence[HistoryEntry]) -> Iterator[list[HistoryEntry]]:
    """What was written at one instant. What others said of a refusal is written just after the step that
    followed from it."""
    moment: list[HistoryEntry] = []
    for record in records:
        if moment and not _belongs(moment, record):
            yield moment
            moment = []
        moment.append(record)
    if moment:
        yield moment


def _belongs(moment: Sequence[HistoryEntry], record: HistoryEntry) -> bool:
    """What somebody does in the same second as a refusal is another thing, and so is the next refusal."""
    if moment[-1].at == record.at:
        return True
    before = {it.what for it in moment}
    are_one_look = {*before, record.what} - {"strike"} <= _STEPS_OF_A_STRIKE and record.what not in before
    is_about_it = "strike" in {*before, record.what}
    return are_one_look and is_about_it and abs(moment[-1].at - record.at) < _AT_ONCE


def _moment(lang: Language, records: list[HistoryEntry]) -> str:
    """What happened at one instant: a refusal and what others said of it are one thing."""
    strikes = [record for record in records if record.what == "strike"]
    others = [record for record in records if record.what != "strike"]
    parts = [_happened(lang, record) for record in others or strikes]
    parts += [peers_words(lang, strike.details.get("siblings", "")) for strike in strikes]
    return " · ".join(dict.fromkeys(filter(None, parts)))


def _happened(lang: Language, record: HistoryEntry) -> str:
    words = escape(evidence_words(lang, record))
    return f"{words} · {mention(record.actor)}" if words and record.actor else words


# --- the drill


def drill_message(lang: Language, drill: Drill, *, now: datetime, command: str) -> Message:
    """Who would be told, how soon, where, and in which words. Nothing is touched, nobody is told."""
    channel, at = drill.row.channel, inert(company(drill.row.provider_label), 40)
    said = "🧪 " + lang.say(
        "Drill for {address}: nothing is wrong, nobody was told.", address=inert(channel.address)
    )
    blocks = [
        section(bold(said)),
        section(_readers(lang, drill, at)),
        section(_later(lang, drill)),
        *_previews(lang, drill, now, command),
        context("🧪 " + lang.say("This was a drill. Nothing was sent, and the inbox was not touched.")),
    ]
    return message(said, blocks)


def _readers(lang: Language, drill: Drill, at: str) -> str:
    if not drill.readers:
        return "⚠️ " + lang.say("Nobody would be told. Choose admins first.")
    minutes = timedelta(minutes=-(-drill.told_within // timedelta(minutes=1)))
    told = lang.count(
        "{n} person would get a direct message, at most {span} after {company} refuses the inbox:",
        "{n} people would get a direct message, at most {span} after {company} refuses the inbox:",
        len(drill.readers),
        span=lang.lasting(minutes),
        company=at,
    )
    lines = [
        "• "
        + lang.say(
            "{who} (reads {language})",
            who=mention(one.id),
            language=_tongue(lang, language_for(one.locale).code),
        )
        for one in drill.readers[:_PEOPLE]
    ]
    rest = len(drill.readers) - _PEOPLE
    more = [more_people(lang, rest)] if rest > 0 else []
    return "\n".join([told, *lines, *more])


def _tongue(lang: Language, code: str) -> str:
    """What the reader calls that language."""
    return lang.say("Japanese") if code == "ja" else lang.say("English")


def _later(lang: Language, drill: Drill) -> str:
    where = (
        lang.say(
            "{conversation} would get one line, kept up to date.", conversation=f"<#{drill.conversation_id}>"
        )
        if drill.conversation_id
        else lang.say("No conversation would be notified.")
    )
    return f"{where}\n{_reminders(lang, drill.reminders)}"


def _reminders(lang: Language, after: Sequence[timedelta]) -> str:
    """A row of days is one span."""
    first = [span for span in after if span < timedelta(days=1)]
    daily = [span for span in after if span >= timedelta(days=1)]
    if first and daily == [timedelta(days=n + 1) for n in range(len(daily))]:
        return lang.say(
            "Reminders after {spans}, then daily for {n} days, unless somebody takes it, snoozes them, or it "
            "is over.",
            spans=lang.listed(map(lang.lasting, first)),
            n=len(daily),
        )
    return lang.say(
        "Reminders after {spans}, unless somebody takes it, snoozes them, or it is over.",
        spans=lang.listed(map(lang.lasting, after)),
    )


def _previews(lang: Language, drill: Drill, now: datetime, command: str) -> list[Block]:
    """The words themselves, once in each language that is read; without buttons, since nothing is wrong."""
    codes = dict.fromkeys(language_for(person.locale).code for person in drill.readers)
    blocks: list[Block] = []
    for code in codes:
        heading = lang.say("In {language} it would read:", language=_tongue(lang, code))
        sample = rehearsed(language_for(code), drill, now, command)
        if code != lang.code:
            sample = [_spelled_out(language_for(code), block) for block in sample]
        blocks += [divider(), context(f"🧪 {heading}"), *sample]
    return [*blocks, divider()] if blocks else []


# --- the export


def export_message(lang: Language, *, url: str, until: datetime) -> Message:
    """The way to the file, for whoever asked."""
    return _file_message(
        lang, lang.say("The history of all inboxes, as a file for spreadsheets."), url, until
    )


def report_file_message(lang: Language, *, url: str, until: datetime) -> Message:
    """The same for the report of how well they worked."""
    said = lang.say("The availability of these inboxes, as a file for spreadsheets.")
    return _file_message(lang, said, url, until)


def _file_message(lang: Language, said: str, url: str, until: datetime) -> Message:
    once = lang.say("The link works once, until {when}, and only for you.", when=instant(lang, until))
    open_ = button(lang.say("Open the download page"), EXPORT_OPEN, url=url, style="primary")
    return message(said, [section(f"{said}\n{once}"), *actions(open_)])


_DATE: Final = re.compile(r"<!date\^[0-9]+\^([^|>]*)\|([^>]*)>")


def _spelled_out(lang: Language, block: Block) -> Block:
    """With its dates as words: Slack writes a date in the language of whoever looks, whatever stands around
    it. A rehearsed outage has only just begun."""

    def words(date: re.Match[str]) -> str:
        return lang.say("just now") if "{ago}" in date[1] else date[2]

    def part(value: object) -> object:
        if isinstance(value, str):
            return _DATE.sub(words, value)
        if isinstance(value, list):
            return [part(one) for one in value]
        return {key: part(one) for key, one in value.items()} if isinstance(value, dict) else value

    return {key: part(value) for key, value in block.items()}


_NOBODY = UserId("")
_LINK = "https://drill.invalid/"
"""Leads nowhere: in a real outage everybody has a link, so the words are those with one."""


def rehearsed(lang: Language, drill: Drill, now: datetime, command: str) -> list[Block]:
    """The message's blocks, without its buttons."""
    channel, label = drill.row.channel, drill.row.provider_label
    incident = Incident(
        id=IncidentId(""),
        workspace_id=channel.workspace_id,
        channel_id=channel.id,
        kind=IncidentKind.DEAD,
        cause=Cause.GRANT_REFUSED,
        opened_at=now,
    )
    notice = Notice(NoticeId(""), channel.workspace_id, _NOBODY, NoticeKind.INCIDENT, channel.id)
    model = NoticeModel(
        notice=notice,
        channel=channel,
        provider_label=label,
        locale=lang.code,
        now=now,
        command=command,
        outages=(IncidentModel(channel, incident, label, _LINK),),
    )
    return [block for block in incident_notice(lang, model)["blocks"] if block["type"] != "actions"]
