"""Mass refusals in one message: wait, then act if you must, then *it was nothing*. And a stranger's connect.

The one rule: as long as waiting is the best advice, there is no button to press.
"""

from __future__ import annotations

from typing import Final

from bot.domain.access import Operation
from bot.domain.channel import Channel
from bot.domain.provider_outage import ProviderOutage
from bot.domain.view_models import HELD_NAMED, HELD_WITH_BUTTON, NoticeModel
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
    mention,
    message,
    quiet,
    quoted,
    section,
    select,
    to_type,
    value_of,
)
from bot.views.buttons import DISCONNECT, RECONNECT, operation_button
from bot.views.i18n import Language
from bot.views.messages.incident_text import proof_words
from bot.views.text import shown
from bot.views.wording import company, held_words
from bot.views.wording.approvals import tenant_message

_CHOICES_ROOM: Final = 5_000
"""Characters for what can be chosen; the rest of Slack's 10,000 is the message's."""
_DOMAINS: Final = 3
"""Domains of an organisation that are named."""


def provider_outage_notice(lang: Language, model: NoticeModel) -> Message:
    """Many inboxes are refused at once: what that most likely is, and what (not) to do."""
    provider_outage = model.provider_outage
    if provider_outage is None or not model.is_open:
        return quiet(_over(lang, model))
    at = _at(model)
    said = "🟠 " + _headline(lang, model, at)
    # No span: the message is edited when there is news, and a span would be old by then.
    since = lang.say("Since {when}", when=instant(lang, provider_outage.opened_at))
    blocks = [
        section(f"{bold(said)}\n{since}"),
        *([section(back)] if (back := _back(lang, model)) else []),
        section(_advice(lang, model, provider_outage, at)),
        *_held(lang, model),
        *(_ways(lang, model) if model.advice.may_reconnect else ()),
    ]
    return message(said, blocks)


def _at(model: NoticeModel) -> str:
    """Who refuses: the house; Outlook.com is not all of Microsoft."""
    is_part = model.provider_outage is not None and model.provider_outage.tenant and not model.organisation
    return inert(model.provider_label if is_part else company(model.provider_label), 40)


def _tenant(lang: Language, model: NoticeModel) -> str:
    shown_ones = [inert(domain) for domain in model.organisation[:_DOMAINS]]
    rest = len(model.organisation) - len(shown_ones)
    return lang.listed(shown_ones) + (f" (+{rest})" if rest else "")


def _over(lang: Language, model: NoticeModel) -> str:
    provider_outage, at = model.provider_outage, _at(model)
    if model.proof is not None:  # nobody's outage for these, even if it was one for some
        rest = lang.say(
            "So this was not a passing outage. Whatever is still refused is now listed as "
            "disconnected: reconnect it, too."
        )
        return "💡 " + lang.together(proof_words(lang, model.proof), rest)
    if provider_outage is None or not provider_outage.was_false_alarm:
        return "⚪ " + lang.say("{company} no longer refuses many inboxes at once.", company=at)
    if model.organisation:
        return "✅ " + lang.say(
            "{company} accepts the inboxes of {tenant} again. There is nothing to do.",
            company=at,
            tenant=_tenant(lang, model),
        )
    return "✅ " + lang.say("False alarm: {company} works again. There is nothing to do.", company=at)


def _headline(lang: Language, model: NoticeModel, at: str) -> str:
    number = model.held.number
    if model.organisation:
        tenant = _tenant(lang, model)
        if number == 1:
            return lang.say("{company} refuses 1 inbox of {tenant}", company=at, tenant=tenant)
        return lang.say(
            "{company} refuses {n} inboxes of {tenant} at once", n=number, company=at, tenant=tenant
        )
    if number == 1:
        return lang.say("{company} refuses 1 inbox", company=at)
    return lang.say("{company} refuses {n} inboxes at once", n=number, company=at)


def _back(lang: Language, model: NoticeModel) -> str:
    """How far it is over."""
    ever, still = model.struck.ever if model.struck else 0, model.held.number
    back = ever - model.struck.still if model.struck else 0
    if not back or not still:
        return ""
    return lang.count(
        "{back} of {ever} work again; {n} is still refused.",
        "{back} of {ever} work again; {n} are still refused.",
        still,
        back=back,
        ever=ever,
    )


def provider_outage_reminder(lang: Language, model: NoticeModel) -> Message:
    """A reply: it still lasts. Never edited, so it has no button."""
    provider_outage = model.provider_outage
    if provider_outage is None or not provider_outage.is_open or not model.held.number:
        return message(text := lang.say("There is nothing left to do."), [section(text)])
    said = "⏰ " + lang.say(
        "{company} still refuses {n} inboxes, since {when} ({span}).",
        company=_at(model),
        n=model.held.number,
        when=instant(lang, provider_outage.opened_at),
        span=lang.lasting(model.now - provider_outage.opened_at),
    )
    step = escape(held_words(lang, model.advice, model.provider_label).next_step)
    return message(said, [section(f"{said}\n{step}")])


def _advice(lang: Language, model: NoticeModel, provider_outage: ProviderOutage, at: str) -> str:
    if model.organisation:
        return _for_their_admin(lang, model, provider_outage, at)
    if model.advice.may_reconnect:
        lasts = lang.say("This has gone on too long to just wait.")
        if_works = lang.say(
            "If {company} works for you otherwise, reconnect: it is a policy, or the access was "
            "removed. If not, it is an outage: keep waiting.",
            company=at,
        )
        return "\n".join([lasts, if_works])
    return "\n".join(
        [
            lang.say("An outage at {company}, or a policy. Don't reconnect yet.", company=at),
            lang.say(
                "We check every minute. Inboxes that work again are restored automatically, and this "
                "message says so."
            ),
        ]
    )


def _for_their_admin(lang: Language, model: NoticeModel, provider_outage: ProviderOutage, at: str) -> str:
    """What only the organisation's admin can lift, with a message that is ready to be forwarded."""
    only = lang.say(
        "Only inboxes of {tenant} are refused; others at {company} work. That looks like one "
        "of your organisation's settings: ask your {company} admin. Reconnecting will most "
        "likely not help.",
        tenant=_tenant(lang, model),
        company=at,
    )
    whose = lang.listed(model.organisation)
    lines = tenant_message(lang, at, whose, lang.day_time(provider_outage.opened_at), model.app)
    return "\n".join([only, lang.say("A message you can forward:"), *quoted(lines)])


def _held(lang: Language, model: NoticeModel) -> list[Block]:
    """Which ones, as far as this reader may know them."""
    rows = {it.id for it in _with_button(model)}
    named = [it for it in model.held.seen if it.id not in rows][:HELD_NAMED]
    if not named:
        return []
    names = lang.listed(inert(channel.address) or "–" for channel in named)
    rest = model.held.number - len(rows) - len(named)
    return [
        context(names if rest <= 0 else lang.say("{addresses} and {n} more", addresses=names, n=rest)),
    ]


def _ways(lang: Language, model: NoticeModel) -> list[Block]:
    """The way out for whoever does not want to wait: of those inboxes that this reader may reconnect."""
    own, rows = model.held.own, _with_button(model)
    lines = []
    if model.organisation and own:
        lines.append(
            lang.say("If it still does not work after that admin has changed the settings, reconnect.")
        )
    if own and not rows and model.held.own_number > len(_labels(model)):
        command = to_type(model.command, lang.say("reconnect"), inert(own[0].address))
        lines.append(lang.say("To reconnect one of the others, for example: {command}", command=command))
    if model.held.own_number < model.held.number:
        lines.append(lang.say("Personal inboxes have to be reconnected by their owners."))
    buttons = [
        section(inert(it.address) or "–", operation_button(lang, Operation.RECONNECT, it)) for it in rows
    ]
    return [*([section("\n".join(lines))] if lines else []), *buttons, *actions(*_one_of(lang, model))]


def _one_of(lang: Language, model: NoticeModel) -> list[Block]:
    """Where a button for each would be too many: a choice among those that this reader may reconnect."""
    if not model.advice.may_reconnect or not model.held.own or _with_button(model):
        return []
    options = [(label, value_of(it)) for label, it in zip(_labels(model), model.held.own, strict=False)]
    return [select(lang.say("Reconnect which one?"), RECONNECT, options)]


def _labels(model: NoticeModel) -> list[str]:
    """Of as many as the message has room for."""
    return fitting([shown(it.address, 70) or "–" for it in model.held.own], _CHOICES_ROOM)


def _with_button(model: NoticeModel) -> tuple[Channel, ...]:
    """Those that stand in a line of their own, with a button: not too many, and not before it is ripe."""
    is_few = model.held.own_number <= HELD_WITH_BUTTON
    return model.held.own if model.advice.may_reconnect and is_few else ()


def somebody_else_notice(lang: Language, model: NoticeModel) -> Message:
    """To whose address it is: somebody else has connected it."""
    channel = model.channel
    address = inert(channel.address) if channel else "–"
    if channel is None or not model.is_open:
        return quiet("⚪ " + lang.say("{address} was removed. There is nothing to do.", address=address))
    said = "👀 " + (
        lang.say(
            "{who} connected {address}, which Slack knows as yours.",
            who=mention(model.actor),
            address=address,
        )
        if model.actor
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
