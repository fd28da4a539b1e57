"""How well inboxes worked: a strip of days and a number, the report of the team's addresses, and its chart.

The one rule: no colour and no chart says anything that does not stand beside it in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from bot.domain.access import Operation
from bot.domain.availability import (
    IN_FILE,
    LOOKS_UNSURE,
    Availability,
    Outages,
    Report,
    ReportLine,
    Tally,
    beginning_of,
    day_of,
)
from bot.domain.ids import UserId
from bot.domain.view_models import ChannelStatus, NoticeModel
from bot.views.blocks import (
    Block,
    Message,
    actions,
    bold,
    button,
    chart,
    clock,
    context,
    header,
    inert,
    mention,
    message,
    quiet,
    section,
    to_type,
)
from bot.views.buttons import REPORT_FILE, REPORT_MONTHLY, connect_button, operation_button
from bot.views.i18n import Language

MONTHLY_ON: Final = "on"
MONTHLY_OFF: Final = "off"
_PEOPLE: Final = 4


# --- one inbox


IN_LINE: Final = 10
"""Squares side by side: as many as a phone has room for beside a number, and as one counts by."""
DAYS_IN_SQUARE: Final = 3
"""Of a month in one line."""


def strip(days: Sequence[Tally]) -> str:
    """A square for each day, the oldest first, in lines of ten of which the last is full."""
    return "\n".join("".join(map(_square, some)) for some in _from_the_end(days, IN_LINE))


def short_strip(days: Sequence[Tally]) -> str:
    """The same in one line: a square for each three days, as bad as the worst of them."""
    return "".join(min(map(_square, some), key=_WORST.index) for some in _from_the_end(days, DAYS_IN_SQUARE))


def _from_the_end(days: Sequence[Tally], size: int) -> list[Sequence[Tally]]:
    """In groups of which only the first may be smaller."""
    ends = range(len(days), 0, -size)
    return [days[max(0, end - size) : end] for end in reversed(ends)]


_WORST: Final = "🟥🟨🟩⬜"
"""The worst first."""


def _square(day: Tally) -> str:
    if day.down:
        return "🟥"
    if day.unknown >= LOOKS_UNSURE:
        return "🟨"
    return "🟩" if day.up else "⬜"


def share_words(lang: Language, tally: Tally) -> str:
    """``99.7%``, never rounded up: what was down for a second is not at 100%."""
    if tally.share is None:
        return "–"
    tenths = int(tally.share * 1000)
    return lang.say("{n}%", n="100" if tally.share == 1 else f"{tenths // 10}.{tenths % 10}")


def in_row(lang: Language, of: Availability | None, *, roomy: bool) -> list[str]:
    """Its line in a list, once there is something to be seen: in long lists only what did not always work."""
    if of is None or not of.says_something or not (roomy or of.total.down):
        return []
    share = share_words(lang, of.total)
    if roomy:  # as short as can be: where it wraps, every line of the list does
        return [f"{short_strip(of.days)} {share}"]
    return [lang.say("{share} in {n} days", share=share, n=len(of.days))]


def availability_blocks(lang: Language, status: ChannelStatus, now: datetime) -> list[Block]:
    """The last thirty days in squares and words, and what they mean; thirteen weeks, if there was trouble."""
    of = status.row.availability
    if of is None or not of.says_something:
        return []
    lines = [
        bold(lang.say("Availability")),
        strip(of.days),
        lang.say("{share} in {n} days", share=share_words(lang, of.total), n=len(of.days)),
        lang.together(*_down_words(lang, of), *outage_words(lang, status.outages)),
    ]
    weeks = [(day, tally.down) for day, tally in status.weeks.weeks] if status.weeks else []
    return [
        section("\n".join(filter(None, lines))),
        *_weeks(lang, weeks),
        context(_legend(lang, now, lang.say("Each square is a day, the latest on the right."))),
    ]


def _down_words(lang: Language, of: Availability) -> list[str]:
    total = of.total
    if not total.down:
        said = [lang.say("Never disconnected.")]
    else:
        span = lang.lasting(timedelta(seconds=total.down))
        said = [
            lang.count(
                "Disconnected for {span}, on {n} day.",
                "Disconnected for {span}, on {n} days.",
                of.days_down,
                span=span,
            )
        ]
    if total.unknown >= LOOKS_UNSURE:
        span = lang.lasting(timedelta(seconds=total.unknown))
        said.append(lang.say("For {span} it could not be checked, which does not count.", span=span))
    return said


def outage_words(lang: Language, outages: Outages) -> list[str]:
    """The longest outage, how long a repair took, and who it was."""
    if not outages.number:
        return []
    longest = lang.lasting(outages.longest)
    said = [
        lang.count("{n} outage: {span}.", "{n} outages, the longest: {span}.", outages.number, span=longest)
    ]
    if outages.repaired_within is not None and outages.number > 1:
        span = lang.lasting(outages.repaired_within)
        said.append(lang.say("On average it worked again after {span}.", span=span))
    people = [(who, times) for who, times in outages.repaired_by if who is not None]
    if people:
        said.append(lang.say("Reconnected by {people}.", people=_people(lang, people)))
    alone = sum(times for who, times in outages.repaired_by if who is None)
    if alone:
        said.append(_on_its_own(lang, alone))
    return said


def _on_its_own(lang: Language, times: int) -> str:
    """How often nobody had to do anything."""
    if times == 1:
        return lang.say("It came back on its own once.")
    return lang.count("It came back on its own {n} time.", "It came back on its own {n} times.", times)


def _people(lang: Language, people: Sequence[tuple[UserId, int]]) -> str:
    named = [
        lang.bracketed(mention(who), times) if times > 1 else mention(who) for who, times in people[:_PEOPLE]
    ]
    rest = len(people) - _PEOPLE
    return (
        lang.listed(named)
        if rest <= 0
        else lang.say("{people} and {n} more", people=lang.listed(named), n=rest)
    )


def _legend(lang: Language, now: datetime, squares: str) -> str:
    """What the squares mean. Days are the same for every reader, so they begin at another hour for most."""
    return lang.together(
        lang.say("🟩 worked · 🟥 was disconnected · 🟨 could not be checked · ⬜ not in use."),
        squares,
        lang.say("A day begins at {time} (00:00 UTC).", time=clock(beginning_of(day_of(now)))),
    )


def _three_days(lang: Language) -> str:
    return lang.say("Each square is three days and shows the worst of them, the latest on the right.")


# --- thirteen weeks


def _weeks(lang: Language, weeks: Sequence[tuple[date, int]]) -> list[Block]:
    """As Slack's own chart, and in words."""
    if not any(seconds for _, seconds in weeks):
        return []
    hours = [(lang.short_day(day), round(seconds / 3600, 1)) for day, seconds in weeks]
    drawn = chart(
        lang.say("Hours disconnected, week by week"), series=lang.say("Hours disconnected"), points=hours
    )
    return [drawn, context(_week_words(lang, weeks))]


def _week_words(lang: Language, weeks: Sequence[tuple[date, int]]) -> str:
    day, seconds = max(weeks, key=lambda it: it[1])
    calm = sum(not it for _, it in weeks)
    worst = lang.say(
        "The worst of {n} weeks began on {day}: disconnected for {span}.",
        n=len(weeks),
        day=lang.day(day),
        span=lang.lasting(timedelta(seconds=seconds)),
    )
    return lang.together(
        worst, lang.count("{n} week without an outage.", "{n} weeks without an outage.", calm)
    )


# --- the report


def report_message(lang: Language, report: Report, *, now: datetime, command: str) -> Message:
    """The team's addresses, the worst first, and one's own inbox; more of them are in the file."""
    title = report_title(lang, report)
    summary = _summary(lang, report)
    hidden = report.number - len(report.lines)
    blocks = [
        header(title),
        section(summary),
        *_weeks(lang, report.weeks),
        *(_line(lang, line) for line in report.lines),
        *([context(_more(lang, hidden, report.number))] if hidden > 0 else []),
        *_own(lang, report),
        *([context(_legend(lang, now, _three_days(lang)))] if report.lines or report.own else []),
        *([context(_why_sent(lang))] if report.is_month else []),
        *(_buttons(lang, report) if report.lines or report.own else _nothing(lang, report, command)),
    ]
    return message(lang.say("{title}: {summary}", title=title, summary=summary), blocks)


def report_title(lang: Language, report: Report) -> str:
    if report.is_month:
        return lang.say("Availability in {month}", month=lang.month(report.first))
    days = (report.last - report.first).days + 1
    return lang.say("Availability, last {n} days", n=days)


def _summary(lang: Language, report: Report) -> str:
    if not report.number:
        return lang.say("There are no team addresses yet.")
    number = lang.count("{n} team address.", "{n} team addresses.", report.number)
    if not report.number_down:
        return lang.together(number, lang.say("None was disconnected."))
    return lang.together(
        number, lang.count("{n} was disconnected.", "{n} were disconnected.", report.number_down)
    )


def _line(lang: Language, line: ReportLine) -> Block:
    channel = line.channel
    name = f" · {inert(channel.name, 40)}" if channel.name else ""
    of = line.availability
    if not of.total.watched:
        words = [lang.say("Was not in use.")]
    else:
        words = [*_down_words(lang, of), *outage_words(lang, line.outages)]
    share = f"{short_strip(of.days)} {share_words(lang, of.total)}"
    text = "\n".join([f"*{inert(channel.address)}*{name}", share, lang.together(*words)])
    return section(text, operation_button(lang, Operation.SEE, channel))


def _own(lang: Language, report: Report) -> list[Block]:
    if not report.own:
        return []
    return [section(bold(lang.say("Your inbox"))), *(_line(lang, line) for line in report.own[:_OWN])]


_OWN: Final = 5


def _why_sent(lang: Language) -> str:
    return lang.say("This comes on the first of each month to admins who have asked for it.")


def _more(lang: Language, hidden: int, number: int) -> str:
    """How many are not shown, and where they are: the file has an end, too."""
    if number > IN_FILE:
        numbers = {"n": f"{hidden:,}", "most": f"{IN_FILE:,}"}
        return lang.say("and {n} more; the file has {most}, the worst first", **numbers)
    return lang.count("and {n} more, in the file", "and {n} more, in the file", hidden)


def _nothing(lang: Language, report: Report, command: str) -> list[Block]:
    """What comes before any report; a monthly message is offered once there is something to tell of."""
    adds = lang.say("{command} adds one.", command=to_type(command, lang.say("connect")))
    stop = [_stop_button(lang)] if report.is_monthly else []
    return [context(adds), *actions(connect_button(lang, primary=True), *stop)]


def _stop_button(lang: Language) -> Block:
    return button(lang.say("Stop the monthly message"), REPORT_MONTHLY, value=MONTHLY_OFF)


def _buttons(lang: Language, report: Report) -> list[Block]:
    file = button(lang.say("Get as a CSV file"), REPORT_FILE)
    if report.is_monthly:
        monthly = [_stop_button(lang)]
    elif report.may_have_monthly:
        monthly = [button(lang.say("Send me this each month"), REPORT_MONTHLY, value=MONTHLY_ON)]
    else:
        monthly = []
    return actions(file, *monthly)


def monthly_message(lang: Language, *, is_wanted: bool) -> Message:
    """That it comes each month from now on, or no longer."""
    if is_wanted:
        return quiet(
            "✅ " + lang.say("You get the report on the first of each month, after 9:00 where you are.")
        )
    return quiet("✅ " + lang.say("You get no more monthly reports. Nothing else has changed."))


def report_notice(lang: Language, model: NoticeModel) -> Message:
    """The report of a month that is over, with the button that ends it."""
    assert model.report is not None
    return report_message(lang, model.report, now=model.now, command=model.command)
