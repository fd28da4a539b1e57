"""Replies in an outage's thread, since edits notify nobody: how many there are, it is back, it is still so.

The one rule: a reply is never edited, so it says nothing that could become untrue. What its buttons do is
asked anew when they are pressed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.channel import DOUBT_CAUSES
from bot.domain.ids import UserId
from bot.domain.incident import AFTER_HOLD, Incident
from bot.domain.view_models import IncidentModel, NoticeModel
from bot.views.blocks import (
    Block,
    Message,
    actions,
    button,
    escape,
    inert,
    instant,
    mention,
    message,
    section,
)
from bot.views.i18n import Language
from bot.views.messages.hubspot import (
    hubspot_claim_taken_reply,
    hubspot_handed_over_reply,
    hubspot_relapse_reply,
    hubspot_reminder,
    hubspot_storm_reply,
)
from bot.views.messages.incident import HAND_BACK, answers, mend
from bot.views.messages.incident_text import (
    claimed_then,
    handed_words,
    headline,
    is_doubtful,
    mark,
    named,
    open_ones,
    relieved_words,
    stops,
)
from bot.views.messages.provider_outage import provider_outage_reminder
from bot.views.wording import cause_words, company

_MANY: Final = 2
"""Below that there is no storm to count."""


def storm_reply(lang: Language, model: NoticeModel) -> Message:
    """Names how many there are so far."""
    if model.hubspot is not None:
        return hubspot_storm_reply(lang, model.hubspot)
    total = len(model.outages)
    if total < _MANY:
        alone = _meant(model)
        return _still_alone(lang, alone) if alone and alone.incident.is_open else _nothing(lang)
    if all(map(is_doubtful, model.outages)):
        said = "🟡 " + lang.say("{n} inboxes in all cannot be checked right now.", n=total)
        return _reply(said, lang.say("The message above lists them and stays up to date."))
    said = "🔴 " + lang.count(
        "{n} inbox in all stopped working at about the same time.",
        "{n} inboxes in all stopped working at about the same time.",
        total,
    )
    return _reply(said, lang.say("The message above lists them and stays up to date."))


def _still_alone(lang: Language, outage: IncidentModel) -> Message:
    """It has stayed with one after all."""
    return _reply(f"{mark(outage)} {headline(lang, outage)}")


def _nothing(lang: Language) -> Message:
    return _reply(lang.say("There is nothing left to do."))


def relapse_reply(lang: Language, model: NoticeModel) -> Message:
    """An outage that was over has come back."""
    if model.hubspot is not None:
        return hubspot_relapse_reply(lang, model.hubspot, model.notice.about.get("incident", ""))
    outage = _meant(model)
    if outage is None:
        return _nothing(lang)
    if is_doubtful(outage):
        said = "🟡 " + lang.say("Checks of {address} are failing again.", address=named(lang, outage))
        return _reply(said, _meanwhile(lang, (outage,)))
    if model.notice.about.get("after") == AFTER_HOLD:
        said = "🔴 " + lang.say(
            "{company} no longer refuses many at once; {address} is still refused, for a reason of its own.",
            company=inert(company(outage.provider_label), 40),
            address=named(lang, outage),
        )
    else:
        said = "🔴 " + lang.say(
            "{address} stopped working again: it had worked for less than half an hour.",
            address=named(lang, outage),
        )
    return _reply(said, buttons=mend(lang, outage, model.now))


def _meanwhile(lang: Language, waiting: Sequence[IncidentModel]) -> str:
    """What can be done of what nobody knows. Where a host has answered and only not said whose trouble it is,
    it may be the reader's: the same as in the message above."""
    asked = [it for it in waiting if it.incident.cause in DOUBT_CAUSES]
    if not asked:
        return lang.say("We keep trying; you don't need to do anything.")
    if len(waiting) > 1:
        return lang.say("The message above lists them and stays up to date.")
    return escape(cause_words(lang, asked[0].incident.cause, asked[0].provider_label).next_step)


def claim_taken_reply(lang: Language, model: NoticeModel) -> Message:
    """To whoever was on it: an edit would not tell them."""
    if model.hubspot is not None:
        return hubspot_claim_taken_reply(lang, model.hubspot, model)
    outage = _meant(model)
    if outage is None or not outage.incident.is_open:
        return _nothing(lang)
    who, number = mention(model.actor or ""), _number(model, model.actor)
    return _reply("🙋 " + relieved_words(lang, who, named(lang, outage), number))


def handed_over_reply(lang: Language, model: NoticeModel) -> Message:
    """To whom it was handed: what is theirs now, and the buttons for it."""
    back = button(lang.say("Hand back"), HAND_BACK, value=model.notice.thread_of or model.notice.id)
    if model.hubspot is not None:
        return hubspot_handed_over_reply(lang, model.hubspot, model, back)
    outage = _meant(model)
    if outage is None or not outage.incident.is_open:
        return _nothing(lang)
    who, number = mention(model.actor or ""), _number(model, model.notice.recipient)
    said = "🙋 " + handed_words(lang, who, named(lang, outage), number)
    step = lang.say("Everybody who was told sees that you are on it.")
    if number > 1:
        return _reply(said, lang.say("The message above lists them and stays up to date."), buttons=[back])
    buttons = [*mend(lang, outage, model.now), back]
    return _reply(said, *filter(None, [stops(lang, outage), step]), buttons=buttons)


def _number(model: NoticeModel, by: UserId | None) -> int:
    return claimed_then((it.incident for it in model.outages), by, model.notice)


def _meant(model: NoticeModel) -> IncidentModel | None:
    """The outage that the reply names."""
    wanted = model.notice.about.get("incident", "")
    named_ = [outage for outage in model.outages if outage.incident.id == wanted]
    return next(iter([*named_, *open_ones(model), *model.outages]), None)


def reminder_reply(lang: Language, model: NoticeModel) -> Message:
    """It is still so, and nobody is on it."""
    if model.hubspot is not None:
        return hubspot_reminder(lang, model.hubspot, model.now)
    if model.provider_outage is not None:
        return provider_outage_reminder(lang, model)
    waiting = open_ones(model)
    if not waiting:
        return _nothing(lang)
    said = "⏰ " + _still(lang, model, waiting)
    if all(map(is_doubtful, waiting)):
        return _reply(said, _meanwhile(lang, waiting))
    alone = waiting[0] if len(waiting) == 1 else None
    lines = [
        stops(lang, alone) if alone else lang.say("The message above lists them and stays up to date."),
        "" if all(outage.channel.is_personal for outage in waiting) else _nobody(lang, waiting),
    ]
    above = model.notice.thread_of or model.notice.id
    buttons = [*(mend(lang, alone, model.now) if alone else []), *answers(lang, model, above)]
    return _reply(said, *filter(None, lines), buttons=buttons)


def _still(lang: Language, model: NoticeModel, waiting: tuple[IncidentModel, ...]) -> str:
    first = min(outage.incident.opened_at for outage in waiting)
    when, span = instant(lang, first), lang.lasting(model.now - first)
    if len(waiting) == 1 and is_doubtful(waiting[0]):
        return lang.say(
            "{address} still cannot be checked, since {when} ({span}).",
            address=named(lang, waiting[0]),
            when=when,
            span=span,
        )
    if len(waiting) == 1:
        return lang.say(
            "{address} still does not work, since {when} ({span}).",
            address=named(lang, waiting[0]),
            when=when,
            span=span,
        )
    if all(map(is_doubtful, waiting)):
        return lang.say(
            "{n} inboxes still cannot be checked, the first since {when} ({span}).",
            n=len(waiting),
            when=when,
            span=span,
        )
    return lang.say(
        "{n} inboxes still do not work, the first since {when} ({span}).",
        n=len(waiting),
        when=when,
        span=span,
    )


def _nobody(lang: Language, waiting: tuple[IncidentModel, ...]) -> str:
    """A claim that is hours old may be forgotten: it is asked after by name."""
    claimed = [outage.incident for outage in waiting if outage.incident.claimed_by]
    if len(claimed) == len(waiting):
        return _last_claim(lang, claimed)
    return lang.say("Nobody has taken it yet.")


def _last_claim(lang: Language, claimed: list[Incident]) -> str:
    latest = max(claimed, key=lambda incident: (incident.claimed_at is not None, incident.claimed_at))
    who = mention(latest.claimed_by or "")
    if latest.claimed_at is None:
        return lang.say("{who} said that they are on it.", who=who)
    return lang.say(
        "{who} said that they are on it ({when}).", who=who, when=instant(lang, latest.claimed_at)
    )


def _reply(said: str, *lines: str, buttons: Sequence[Block] = ()) -> Message:
    return message(said, [section("\n".join([said, *lines])), *actions(*buttons)])
