"""Several outages that began together: one list, what is still open first, the rest of it quiet."""

from __future__ import annotations

from typing import Final

from bot.views.blocks import Block, clock, context, escape, fitting, inert, link, paragraphs, section, to_type
from bot.views.language import Language
from bot.views.models import NoticePicture, Outage
from bot.views.notices.outages import ended, in_short, is_doubtful, mark, open_ones
from bot.views.notices.quiet import grey
from bot.views.words import mail_in_short

_ROOM: Final = 8_600
"""Characters for the lines; heading, who is on it and the buttons need the rest of Slack's 10,000."""


def storm_headline(lang: Language, picture: NoticePicture) -> str:
    """How many do not work, of how many."""
    waiting, total = len(open_ones(picture)), len(picture.outages)
    if all(is_doubtful(outage) for outage in open_ones(picture)):
        return "🟡 " + lang.count("{n} inbox cannot be checked", "{n} inboxes cannot be checked", waiting)
    if waiting == total:
        return "🔴 " + lang.count("{n} inbox does not work", "{n} inboxes do not work", total)
    return "🔴 " + lang.count(
        "{n} of {total} inboxes still does not work",
        "{n} of {total} inboxes still do not work",
        waiting,
        total=total,
    )


def storm_blocks(lang: Language, picture: NoticePicture) -> list[Block]:
    """A line per outage, with the time of day (the heading has the date); what finds no room is counted."""
    waiting = [_line(lang, outage) for outage in open_ones(picture)]
    over = [ended(lang, outage, picture.now) for outage in picture.outages if not outage.incident.is_open]
    shown = fitting(waiting, _ROOM)
    room = _ROOM - sum(len(line) + 1 for line in shown) if len(shown) == len(waiting) else 0
    quiet = fitting(over, room)
    hidden = _hidden(lang, picture.command, len(waiting) - len(shown), len(over) - len(quiet))
    return [*(section(text) for text in paragraphs(shown)), *grey(quiet), *hidden]


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


def _line(lang: Language, outage: Outage) -> str:
    channel = outage.channel
    parts = [
        f"{mark(outage)} *{inert(channel.address)}*",
        inert(channel.name, 40),
        _since(lang, outage),
        in_short(lang, outage),
        escape(mail_in_short(lang, outage.mail)) if outage.mail else "",
        inert(channel.use, 60),
        _reconnect(lang, outage),
    ]
    return " · ".join(part for part in parts if part)


def _since(lang: Language, outage: Outage) -> str:
    return lang.say("since {when}", when=clock(outage.incident.opened_at))


def _reconnect(lang: Language, outage: Outage) -> str:
    if not outage.url or is_doubtful(outage):
        return ""
    return link(outage.url, lang.say("Reconnect"))
