"""HubSpot's channels in messages: lost ones, many at once, what somebody did there, and replies.

The one rule: HubSpot says that a channel is disconnected and not why, so nothing here does either, unless the
same address is connected here and its provider says it. An instant is always the span between two looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.domain.hubspot import HubSpotChannel, HubSpotState
from bot.domain.hubspot_models import HubSpotModel, HubSpotOutage
from bot.domain.incident import Resolution
from bot.domain.view_models import NoticeModel
from bot.views.blocks import (
    Block,
    Message,
    actions,
    bold,
    button,
    context,
    escape,
    fitting,
    inert,
    instant,
    link,
    mention,
    message,
    more,
    paragraphs,
    quiet,
    quiet_list,
    section,
)
from bot.views.i18n import Language
from bot.views.messages.incident import answers_about
from bot.views.messages.incident_text import claimed_then, claims_of, handed_words, relieved_words
from bot.views.wording import cause_in_short

HUBSPOT_LINK: Final = "hubspot.open"
_ROOM: Final = 8_000
_NAMED: Final = 6
_NAMES_ROOM: Final = 1_500
"""Characters for them."""
_BUTTONS: Final = 5


# --- one channel, or several, that HubSpot lost


def hubspot_notice(lang: Language, model: NoticeModel) -> Message:
    """What one reader should see of channels that HubSpot shows as disconnected."""
    shown = model.hubspot or HubSpotModel()
    waiting = _open(shown)
    if not waiting:
        return _over(lang, shown, model.now)
    said = f"🔴 {_headline(lang, shown)}"
    body = _several(lang, shown) if len(shown.outages) > 1 else _one(lang, waiting[0], model.now)
    buttons = [*_mend(lang, waiting), *_answers(lang, model, waiting)]
    return message(said, [section(bold(said)), *actions(*buttons), *_roles(lang, model, waiting), *body])


def hubspot_conversation_notice(lang: Language, model: NoticeModel) -> Message:
    """The one line in the conversation that was chosen for an inbox."""
    shown = model.hubspot or HubSpotModel()
    waiting = _open(shown)
    if not waiting:
        return _over(lang, shown, model.now)
    said = f"🔴 {_headline(lang, shown)}"
    names = "" if len(waiting) == 1 else _listed(lang, [inert(it.channel.address) for it in waiting])
    who = claims_of(lang, [it.incident for it in waiting])
    told = who or [lang.say("The people who look after it have been told.")]
    return message(said, [section("\n".join(filter(None, [said, names, *told])))])


def _open(shown: HubSpotModel) -> list[HubSpotOutage]:
    return [it for it in shown.outages if it.incident.is_open]


def _headline(lang: Language, shown: HubSpotModel) -> str:
    waiting, total = _open(shown), len(shown.outages)
    if total == 1:
        return lang.say("HubSpot shows {address} as disconnected", address=named(lang, waiting[0].channel))
    if len(waiting) == total:
        return lang.say("HubSpot shows {n} team addresses as disconnected", n=total)
    return lang.say(
        "HubSpot shows {n} of these {total} team addresses as disconnected", n=len(waiting), total=total
    )


def named(lang: Language, channel: HubSpotChannel) -> str:
    """The address, or what HubSpot calls a channel without one; with its inbox."""
    address = inert(channel.address or channel.name) or "–"
    if channel.inbox is None or not channel.inbox.name:
        return address
    return lang.say("{address} ({name})", address=address, name=inert(channel.inbox.name, 40))


def _listed(lang: Language, names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    kept = fitting(names[:_NAMED], _NAMES_ROOM)
    rest = len(names) - len(kept)
    listed = lang.listed(kept)
    return listed if rest <= 0 else lang.say("{addresses} and {n} more", addresses=listed, n=rest)


def between(lang: Language, channel: HubSpotChannel) -> str:
    """Since when, as far as two looks tell."""
    if channel.not_before is None:
        return lang.say(
            "It was already so when HubSpot was first checked, {when}.", when=instant(lang, channel.since)
        )
    return lang.say(
        "It happened between {before} and {after}, when HubSpot was checked.",
        before=instant(lang, channel.not_before),
        after=instant(lang, channel.since),
    )


def between_in_short(lang: Language, channel: HubSpotChannel) -> str:
    """The same in a list."""
    if channel.not_before is None:
        return lang.say("since before the first look")
    return lang.say(
        "between {before} and {after}",
        before=instant(lang, channel.not_before),
        after=instant(lang, channel.since),
    )


def _one(lang: Language, outage: HubSpotOutage, now: datetime) -> list[Block]:
    lines = [
        between(lang, outage.channel),
        *_why(lang, outage),
        lang.say("Until it is reconnected there, mail to this address does not reach the team in HubSpot."),
        steps_words(lang, outage.channel),
        lang.say("Who can fix it: whoever can sign in to this mailbox."),
    ]
    return [section("\n".join(lines))]


def _why(lang: Language, outage: HubSpotOutage) -> list[str]:
    """Ours knows more: its provider has told us."""
    ours = outage.ours
    if ours is None:
        return [
            lang.say(
                "HubSpot does not say why. Usually a password was changed, or the access was "
                "removed, at the mail provider."
            )
        ]
    why = cause_in_short(lang, ours.cause, outage.ours_at)
    return [
        lang.say(
            "The same address is connected here, too, and tells why: {cause}, since {when}.",
            cause=escape(why),
            when=instant(lang, ours.since),
        )
    ]


def steps_words(lang: Language, channel: HubSpotChannel) -> str:
    """The way to the channel's switch in HubSpot, by the names of its menus."""
    inbox = inert(channel.inbox.name, 40) if channel.inbox and channel.inbox.name else "…"
    menu = lang.say("Inbox & Help Desk")
    return lang.say(
        "To fix it in HubSpot: Settings › {menu} › {inbox} › Channels › this address › Reconnect.",
        menu=escape(menu),
        inbox=inbox,
    )


def _several(lang: Language, shown: HubSpotModel) -> list[Block]:
    lines = [_line(lang, it) for it in _open(shown)]
    kept = fitting(lines, _ROOM)
    return [*(section(text) for text in paragraphs(kept)), *more(lang, len(lines) - len(kept))]


def _line(lang: Language, outage: HubSpotOutage) -> str:
    way = link(outage.url, lang.say("Open in HubSpot")) if outage.url else ""
    since = lang.say("since {when}", when=instant(lang, outage.channel.since))
    why = escape(cause_in_short(lang, outage.ours.cause, outage.ours_at)) if outage.ours else ""
    return " · ".join(filter(None, [f"🔴 *{named(lang, outage.channel)}*", since, why, way]))


def open_button(lang: Language, url: str, *, about: str = "", primary: bool = False) -> Block:
    style = "primary" if primary else ""
    return button(lang.say("Open in HubSpot"), HUBSPOT_LINK, url=url, about=about, style=style)


def _mend(lang: Language, waiting: Sequence[HubSpotOutage]) -> list[Block]:
    """Of several each line has a link of its own."""
    if len(waiting) != 1 or not waiting[0].url:
        return []
    return [open_button(lang, waiting[0].url, about=waiting[0].channel.address, primary=True)]


def _answers(lang: Language, model: NoticeModel, waiting: Sequence[HubSpotOutage]) -> list[Block]:
    return answers_about(lang, model, model.notice.id, [it.incident for it in waiting])


def _roles(lang: Language, model: NoticeModel, waiting: Sequence[HubSpotOutage]) -> list[Block]:
    lines = claims_of(lang, [it.incident for it in waiting])
    until = model.notice.snoozed_until
    if until is not None and until > model.now:
        lines.append("💤 " + lang.say("No reminders for you until {when}.", when=instant(lang, until)))
    return [context("\n".join(lines))] if lines else []


def _over(lang: Language, shown: HubSpotModel, now: datetime) -> Message:
    if not shown.outages:
        return quiet("⚪ " + lang.say("There is nothing left to do."))
    lines = [_ended(lang, it, now) for it in shown.outages]
    if len(lines) == 1:
        return quiet(lines[0])
    return quiet_list(
        lang, "⚪ " + lang.say("None of these outages is open any more."), lines, number=len(lines)
    )


def _ended(lang: Language, outage: HubSpotOutage, now: datetime) -> str:
    incident, address = outage.incident, named(lang, outage.channel)
    span = lang.lasting((incident.resolved_at or now) - incident.opened_at)
    match incident.resolution:
        case Resolution.DISABLED:
            return "⚪ " + lang.say(
                "{address} was turned off in HubSpot. There is nothing to do.", address=address
            )
        case Resolution.REMOVED:
            return "⚪ " + lang.say(
                "{address} is not in HubSpot any more. See the newer message.", address=address
            )
        case Resolution.OURS:
            return "⚪ " + lang.say("{address} is not watched in HubSpot any more.", address=address)
        case Resolution.DOUBTED:
            return "⚪ " + lang.say(
                "{address}: probably a false alarm. HubSpot lost many at once; do nothing for now.",
                address=address,
            )
        case Resolution.FALSE_ALARM:
            return "✅ " + lang.say("False alarm: {address} works. There is nothing to do.", address=address)
    return "✅ " + lang.say(
        "HubSpot shows {address} as connected again, after {span}. There is nothing to do.",
        address=address,
        span=span,
    )


# --- many at once


def hubspot_outage_notice(lang: Language, model: NoticeModel) -> Message:
    """Many were lost at once: what that most likely is, and to wait."""
    shown = model.hubspot or HubSpotModel()
    outage, still = shown.outage, len(shown.channels)
    if outage is None or not outage.is_open or not still:
        return quiet(_outage_over(lang, shown))
    said = "🟠 " + lang.say(
        "HubSpot has lost {n} of {total} team addresses at once", n=still, total=shown.total
    )
    since = lang.say("Since {when}", when=instant(lang, outage.opened_at))
    back = shown.struck - still
    lines = [
        *([lang.say("{back} of {ever} are connected again.", back=back, ever=shown.struck)] if back else []),
        *_advice(lang, shown),
    ]
    context_text = _listed(lang, [named(lang, it) for it in shown.channels])
    return message(
        said,
        [
            section(f"{bold(said)}\n{since}"),
            section("\n".join(lines)),
            context(context_text),
            *(_ways(lang, shown) if shown.may_reconnect else ()),
        ],
    )


def _advice(lang: Language, shown: HubSpotModel) -> list[str]:
    if shown.may_reconnect:
        return [
            lang.say("This has gone on too long to just wait."),
            lang.say(
                "Ask HubSpot, or reconnect the most important ones there. Any that come back on "
                "their own are shown here."
            ),
        ]
    return [
        lang.say("That is most likely a fault at HubSpot, not one of each mailbox. Don't reconnect yet."),
        lang.say("We keep checking. Any that come back disappear from this message."),
    ]


def _ways(lang: Language, shown: HubSpotModel) -> list[Block]:
    """The way out for whoever does not want to wait: to each inbox, or to all."""
    inboxes = {it.inbox_id: it for it in shown.channels if shown.urls.get(it.inbox_id)}
    if 0 < len(inboxes) <= _BUTTONS:
        return [
            section(
                inert(it.inbox.name if it.inbox else it.name, 60) or "–",
                open_button(lang, shown.urls[inbox], about=it.inbox.name if it.inbox else ""),
            )
            for inbox, it in inboxes.items()
        ]
    return actions(open_button(lang, shown.url)) if shown.url else []


def _outage_over(lang: Language, shown: HubSpotModel) -> str:
    if shown.outage is None or not shown.outage.was_false_alarm:
        return "⚪ " + lang.say("HubSpot is no longer losing many team addresses at once.")
    return "✅ " + lang.say(
        "HubSpot shows the team addresses that it had lost as connected again. There is nothing to do."
    )


# --- what is said once


def hubspot_said_notice(lang: Language, model: NoticeModel) -> Message:
    """What somebody most likely did on purpose, or what the first look found."""
    shown = model.hubspot or HubSpotModel()
    lines = said_lines(lang, shown.channels)
    if not model.is_open or not lines:
        over = [it for it in shown.channels if it.state is HubSpotState.CONNECTED]
        if not over:
            return quiet("⚪ " + lang.say("There is nothing left to do."))
        return quiet_list(
            lang, "✅ " + lang.say("All of these are connected again in HubSpot."), lines, number=len(lines)
        )
    is_first = model.notice.about.get("why") == "baseline"
    said = (
        "👀 "
        + lang.say(
            "Inboxkeeper now watches your team's addresses in HubSpot. These were already not working:"
        )
        if is_first
        else "🔔 " + lang.say("Something changed in HubSpot. If that was on purpose, there is nothing to do.")
    )
    kept = fitting(lines, _ROOM)
    urls = list(dict.fromkeys(filter(None, (shown.urls.get(it.inbox_id, "") for it in shown.channels))))
    url = urls[0] if len(urls) == 1 else shown.url
    return message(
        said,
        [
            section(bold(said)),
            *(section(text) for text in paragraphs(kept)),
            *more(lang, len(lines) - len(kept)),
            *(actions(open_button(lang, url)) if url else ()),
        ],
    )


def said_lines(lang: Language, channels: Sequence[HubSpotChannel]) -> list[str]:
    """A line each; those of a whole inbox that was removed share one."""
    removed = [it for it in channels if it.state is HubSpotState.GONE and it.inbox and it.inbox.is_archived]
    lines = []
    for inbox in dict.fromkeys(it.inbox_id for it in removed):
        its = [it for it in removed if it.inbox_id == inbox]
        lines.append(_inbox_line(lang, its))
    return [*lines, *(_said(lang, it) for it in channels if it not in removed)]


def _inbox_line(lang: Language, channels: Sequence[HubSpotChannel]) -> str:
    inbox = channels[0].inbox
    return "🗑️ " + lang.say(
        "The inbox {name} was removed, and with it: {addresses}",
        name=inert(inbox.name if inbox else "", 60),
        addresses=_listed(lang, [inert(it.address or it.name) or "–" for it in channels]),
    )


def _said(lang: Language, channel: HubSpotChannel) -> str:
    address = named(lang, channel)
    match channel.state:
        case HubSpotState.CONNECTED:
            return "✅ " + lang.say("{address}: connected again.", address=address)
        case HubSpotState.SWITCHED_OFF:
            told = "⏸️ " + lang.say("{address} is turned off.", address=address)
        case HubSpotState.GONE:
            told = "🗑️ " + lang.say(
                "{address} was removed, or disconnected and removed: HubSpot does not say which.",
                address=address,
            )
        case HubSpotState.HELD:
            return "🟠 " + lang.say("{address} was disconnected together with many others.", address=address)
        case _:
            told = "🔴 " + lang.say("{address} is disconnected.", address=address)
    return lang.together(told, between(lang, channel)) if channel.not_before else told


# --- replies: never edited, so they say nothing that could become untrue


def hubspot_storm_reply(lang: Language, shown: HubSpotModel) -> Message:
    """Names how many there are so far."""
    total = len(shown.outages)
    if total < 2:
        text = lang.say("There is nothing left to do.")
        waiting = _open(shown)
        return _reply(f"🔴 {_headline(lang, shown)}" if waiting else text)
    return _reply(
        "🔴 "
        + lang.say("{n} team addresses in all were disconnected in HubSpot at about the same time.", n=total),
        lang.say("The message above lists them and stays up to date."),
    )


def hubspot_relapse_reply(lang: Language, shown: HubSpotModel, incident: str) -> Message:
    """It has come back."""
    meant = next((it for it in shown.outages if it.incident.id == incident), None)
    if meant is None:
        return _reply(lang.say("There is nothing left to do."))
    return _reply(
        "🔴 "
        + lang.say(
            "HubSpot shows {address} as disconnected again: it had been connected for less than half an "
            "hour.",
            address=named(lang, meant.channel),
        ),
        lang.say("The message above leads to HubSpot."),
    )


def hubspot_claim_taken_reply(lang: Language, shown: HubSpotModel, model: NoticeModel) -> Message:
    """To whoever was on it."""
    meant, who = _claimed(shown, model), mention(model.actor or "")
    if meant is None:
        return _reply(lang.say("There is nothing left to do."))
    number = claimed_then((it.incident for it in shown.outages), model.actor, model.notice)
    return _reply("🙋 " + relieved_words(lang, who, named(lang, meant.channel), number))


def hubspot_handed_over_reply(
    lang: Language, shown: HubSpotModel, model: NoticeModel, back: Block
) -> Message:
    """To whom it was handed; ``back`` is the button that hands it back."""
    meant, who = _claimed(shown, model), mention(model.actor or "")
    if meant is None:
        return _reply(lang.say("There is nothing left to do."))
    number = claimed_then((it.incident for it in shown.outages), model.notice.recipient, model.notice)
    said = "🙋 " + handed_words(lang, who, named(lang, meant.channel), number)
    return _reply(said, lang.say("The message above leads to HubSpot."), buttons=[back])


def _claimed(shown: HubSpotModel, model: NoticeModel) -> HubSpotOutage | None:
    """The outage that the reply names."""
    wanted = model.notice.about.get("incident", "")
    return next((it for it in _open(shown) if it.incident.id == wanted), None)


def hubspot_reminder(lang: Language, shown: HubSpotModel, now: datetime) -> Message:
    """It is still so."""
    if shown.outage is not None:
        return _outage_reminder(lang, shown, now)
    waiting = _open(shown)
    if not waiting:
        return _reply(lang.say("There is nothing left to do."))
    first = min(it.incident.opened_at for it in waiting)
    when, span = instant(lang, first), lang.lasting(now - first)
    said = (
        lang.say(
            "HubSpot still shows {address} as disconnected, since {when} ({span}).",
            address=named(lang, waiting[0].channel),
            when=when,
            span=span,
        )
        if len(waiting) == 1
        else lang.say(
            "HubSpot still shows {n} team addresses as disconnected, the first since {when} ({span}).",
            n=len(waiting),
            when=when,
            span=span,
        )
    )
    return _reply("⏰ " + said, lang.say("The message above leads to HubSpot."))


def _outage_reminder(lang: Language, shown: HubSpotModel, now: datetime) -> Message:
    if shown.outage is None or not shown.channels:
        return _reply(lang.say("There is nothing left to do."))
    opened = shown.outage.opened_at
    return _reply(
        "⏰ "
        + lang.say(
            "{n} team addresses are still disconnected in HubSpot, since {when} ({span}).",
            n=len(shown.channels),
            when=instant(lang, opened),
            span=lang.lasting(now - opened),
        ),
        lang.say("The message above says what to do."),
    )


def _reply(said: str, *lines: str, buttons: Sequence[Block] = ()) -> Message:
    return message(said, [section("\n".join([said, *lines])), *actions(*buttons)])


# --- the operator


_OF_PARTICULARS: Final = "oauth"
"""The scope that tells whose portal it is; the channels are read with others."""


def hubspot_operator_notice(lang: Language, model: NoticeModel, code: str) -> Message:
    """HubSpot refuses our token, or something that it should open."""
    if not model.is_open:
        return quiet("✅ " + lang.say("HubSpot can be read again. There is nothing to do."))
    why, step = hubspot_refusal_words(lang, code)
    nobody = (
        lang.say(
            "The team addresses of a portal that is known are watched all the same. Nobody else was told, "
            "and none is shown as disconnected because of this."
        )
        if code.endswith(f" {_OF_PARTICULARS}")
        else lang.say(
            "Until then HubSpot's team addresses are not watched. Nobody else was told, and none "
            "is shown as disconnected because of this."
        )
    )
    said = f"🔧 {escape(why)}"
    return message(said, [section("\n".join([said, escape(step), nobody]))])


def hubspot_refusal_words(lang: Language, code: str) -> tuple[str, str]:
    """What HubSpot refuses, and what the operator does about it; ``code`` carries the scopes."""
    name, *scopes = code.split()
    if name == "missing_scopes":
        listed = lang.listed(scopes) or "conversations.read"
        return (
            lang.say("HubSpot does not let Inboxkeeper read what it needs: {scopes}.", scopes=listed),
            lang.say(
                "Add that scope to the service key (HubSpot: Development › Keys › Service keys), or check "
                "that the portal's subscription includes it."
            ),
        )
    if name == "unreadable":
        return (
            lang.say("HubSpot could not be read completely for a whole day."),
            lang.say("See status.hubspot.com, and what “inboxkeeper doctor” says."),
        )
    if name == "unknown_path":
        return (
            lang.say("HubSpot's API was not found where Inboxkeeper expects it."),
            lang.say("Check INBOXKEEPER_HUBSPOT_API_URL, or update Inboxkeeper."),
        )
    return (
        lang.say("HubSpot does not accept INBOXKEEPER_HUBSPOT_TOKEN any more."),
        lang.say("Create a new service key in HubSpot, put it into the settings and restart Inboxkeeper."),
    )
