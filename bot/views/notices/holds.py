"""Mass refusals in one message: wait, then act if you must, then *it was nothing*. And a stranger's connect.

The one rule: as long as waiting is the best advice, there is no button to press.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.access import Deed
from bot.domain.channel import Channel, State
from bot.domain.hold import Hold
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
    quoted,
    section,
    to_type,
    value_of,
)
from bot.views.buttons import DISCONNECT, deed_button
from bot.views.language import Language
from bot.views.models import NoticePicture
from bot.views.notices.outages import proof_words
from bot.views.notices.quiet import quiet
from bot.views.words import held_words, house
from bot.views.words.forwarding import tenant_message

_NAMED: Final = 6
"""Addresses that are named; the others are counted."""
_DOMAINS: Final = 3
"""Domains of an organisation that are named."""
_BUTTONS: Final = 5
"""Inboxes with a button of their own; beyond that the command does it."""


def hold_notice(lang: Language, picture: NoticePicture) -> Message:
    """Many inboxes are refused at once: what that most likely is, and what (not) to do."""
    hold = picture.hold
    is_own = picture.notice.channel_id is None
    if hold is None or not picture.is_open:
        return quiet(_own_over(lang, picture) if is_own else _over(lang, picture))
    at = _at(picture)
    said = "🟠 " + (_own_headline(lang, picture, at) if is_own else _headline(lang, picture, at))
    # No span: the message is edited when there is news, and a span would be old by then.
    since = lang.say("Since {when}", when=instant(lang, hold.opened_at))
    blocks = [
        section(f"{bold(said)}\n{since}"),
        *([section(back)] if (back := _back(lang, picture)) else []),
        section(_advice(lang, picture, hold, at)),
        *(() if is_own else _held(lang, picture)),
        *(_ways(lang, picture) if picture.advice.may_reconnect else ()),
    ]
    return message(said, blocks)


def _at(picture: NoticePicture) -> str:
    """Who refuses: the house; Outlook.com is not all of Microsoft."""
    is_part = picture.hold is not None and picture.hold.tenant and not picture.organisation
    return inert(picture.provider_label if is_part else house(picture.provider_label), 40)


def _tenant(lang: Language, picture: NoticePicture) -> str:
    shown_ones = [inert(domain) for domain in picture.organisation[:_DOMAINS]]
    rest = len(picture.organisation) - len(shown_ones)
    return lang.listed(shown_ones) + (f" (+{rest})" if rest else "")


def _over(lang: Language, picture: NoticePicture) -> str:
    hold, at = picture.hold, _at(picture)
    if picture.proof is not None:  # nobody's outage for these, even if it was one for some
        rest = lang.say(
            "So it was no outage that just passes. What is still refused is listed as disconnected now: "
            "reconnect it, too."
        )
        return "💡 " + lang.together(proof_words(lang, picture.proof), rest)
    if hold is None or not hold.was_false_alarm:
        return "⚪ " + lang.say("{house} no longer refuses many inboxes at once.", house=at)
    if picture.organisation:
        return "✅ " + lang.say(
            "{house} accepts the inboxes of {tenant} again. There is nothing to do.",
            house=at,
            tenant=_tenant(lang, picture),
        )
    return "✅ " + lang.say("False alarm: {house} works again. There is nothing to do.", house=at)


def _own_headline(lang: Language, picture: NoticePicture, at: str) -> str:
    """Their inbox is not alone in it; whose the others are is nothing for them."""
    return lang.say(
        "{house} refuses {addresses}, and other inboxes, too", house=at, addresses=_names(lang, picture.held)
    )


def _own_over(lang: Language, picture: NoticePicture) -> str:
    """What became of theirs, whatever the others do."""
    at = _at(picture)
    if dead := [it for it in picture.own if it.state is State.DISCONNECTED]:
        return "💡 " + lang.say(
            "For {addresses} it was no outage that just passes: another message says more.",
            addresses=_names(lang, dead),
        )
    if picture.own and all(it.state is State.CONNECTED for it in picture.own):
        works = lang.say("{addresses} works again.", addresses=_names(lang, picture.own))
        return "✅ " + lang.together(works, lang.say("There is nothing to do any more."))
    return "⚪ " + lang.say("{house} no longer refuses many inboxes at once.", house=at)


def _names(lang: Language, channels: Sequence[Channel]) -> str:
    named = [inert(it.address) or "–" for it in channels[:_NAMED]]
    rest = len(channels) - len(named)
    return lang.listed(named) + (f" (+{rest})" if rest else "")


def _headline(lang: Language, picture: NoticePicture, at: str) -> str:
    number = len(picture.held)
    if picture.organisation:
        tenant = _tenant(lang, picture)
        if number == 1:
            return lang.say("{house} refuses 1 inbox of {tenant}", house=at, tenant=tenant)
        return lang.say("{house} refuses {n} inboxes of {tenant} at once", n=number, house=at, tenant=tenant)
    if number == 1:
        return lang.say("{house} refuses 1 inbox", house=at)
    return lang.say("{house} refuses {n} inboxes at once", n=number, house=at)


def _back(lang: Language, picture: NoticePicture) -> str:
    """How far it is over."""
    ever, still = picture.struck.ever if picture.struck else 0, len(picture.held)
    back = ever - picture.struck.still if picture.struck else 0
    if not back or not still:
        return ""
    return lang.say("{back} of {ever} work again; {n} are still refused.", back=back, ever=ever, n=still)


def hold_reminder(lang: Language, picture: NoticePicture) -> Message:
    """A reply: it still lasts. Never edited, so it has no button."""
    hold = picture.hold
    if hold is None or not hold.is_open or not picture.held:
        return message(text := lang.say("There is nothing to do any more."), [section(text)])
    said = "⏰ " + lang.say(
        "{house} still refuses {n} inboxes, since {when} ({span}).",
        house=_at(picture),
        n=len(picture.held),
        when=instant(lang, hold.opened_at),
        span=lang.lasting(picture.now - hold.opened_at),
    )
    step = escape(held_words(lang, picture.advice, picture.provider_label).next_step)
    return message(said, [section(f"{said}\n{step}")])


def _advice(lang: Language, picture: NoticePicture, hold: Hold, at: str) -> str:
    if picture.organisation:
        return _for_their_admin(lang, picture, hold, at)
    if picture.advice.may_reconnect:
        lasts = lang.say("This has lasted too long to just wait for it.")
        if_works = lang.say(
            "If {house} works for you otherwise, reconnect: then it is a policy, or the access was taken "
            "away. If not, it is an outage: keep waiting.",
            house=at,
        )
        return "\n".join([lasts, if_works])
    return "\n".join(
        [
            lang.say("An outage at {house}, or a policy. Don't reconnect yet.", house=at),
            lang.say(
                "We check every minute. What works again is restored by itself, and this message says so."
            ),
        ]
    )


def _for_their_admin(lang: Language, picture: NoticePicture, hold: Hold, at: str) -> str:
    """What only the organisation's admin can lift, with a message that is ready to be forwarded."""
    only = lang.say(
        "Only inboxes of {tenant} are refused, others at {house} work. That looks like a setting of the "
        "organisation: ask your {house} admin. Reconnecting will most likely not help.",
        tenant=_tenant(lang, picture),
        house=at,
    )
    whose = lang.listed(picture.organisation)
    lines = tenant_message(lang, at, whose, lang.day_time(hold.opened_at), picture.app)
    return "\n".join([only, lang.say("A message to forward:"), *quoted(lines)])


def _held(lang: Language, picture: NoticePicture) -> list[Block]:
    """Which ones, as far as this reader may know them."""
    rows = {it.id for it in _with_button(picture)}
    named = [it for it in picture.seen if it.id not in rows][:_NAMED]
    if not named:
        return []
    names = lang.listed(inert(channel.address) or "–" for channel in named)
    rest = len(picture.held) - len(rows) - len(named)
    return [
        context(names if rest <= 0 else lang.say("{addresses} and {n} more", addresses=names, n=rest)),
    ]


def _ways(lang: Language, picture: NoticePicture) -> list[Block]:
    """The way out for whoever does not want to wait: of those inboxes that this reader may reconnect."""
    own, rows = _own(picture), _with_button(picture)
    lines = []
    if picture.organisation and own:
        lines.append(
            lang.say("If it still does not work after that admin has changed the settings, reconnect.")
        )
    if own and not rows:
        command = to_type(picture.command, lang.say("reconnect"), inert(own[0].address))
        lines.append(lang.say("To reconnect one of them, for example: {command}", command=command))
    if len(own) < len(picture.held):
        lines.append(lang.say("Personal inboxes have to be reconnected by their owners."))
    buttons = [section(inert(it.address) or "–", deed_button(lang, Deed.RECONNECT, it)) for it in rows]
    return [*([section("\n".join(lines))] if lines else []), *buttons]


def _own(picture: NoticePicture) -> list[Channel]:
    """Those of them that this reader may reconnect."""
    reader = picture.notice.recipient
    return [it for it in picture.held if not it.is_personal or it.owner_id == reader]


def _with_button(picture: NoticePicture) -> list[Channel]:
    """Those that stand in a line of their own, with a button: not too many, and not before it is ripe."""
    own = _own(picture)
    return own if picture.advice.may_reconnect and len(own) <= _BUTTONS else []


def somebody_else_notice(lang: Language, picture: NoticePicture) -> Message:
    """To whose address it is: somebody else has connected it."""
    channel = picture.channel
    address = inert(channel.address) if channel else "–"
    if channel is None or not picture.is_open:
        return quiet("⚪ " + lang.say("{address} was removed. There is nothing to do.", address=address))
    said = "👀 " + (
        lang.say(
            "{who} connected {address}, which Slack knows as yours.",
            who=mention(picture.actor),
            address=address,
        )
        if picture.actor
        else lang.say("{address}, which Slack knows as yours, was connected.", address=address)
    )
    means = lang.say(
        "Whoever connects an inbox has signed in to it. If you agree, there is nothing to do. If not, "
        "disconnect it here and change the password."
    )
    not_me = button(
        lang.say("Wasn't me: disconnect"), DISCONNECT, value=value_of(channel), about=channel.address
    )
    return message(said, [section(f"{said}\n{means}"), *actions(not_me)])
