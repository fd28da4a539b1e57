"""A wish that an admin must agree to: the form that asks, and the answer that it waits now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from bot.domain.access import Operation
from bot.domain.channel import InboxSpec, Kind
from bot.domain.errors import TooManyRequests
from bot.domain.ids import ChannelId, ConversationId
from bot.domain.request import Request, RequestedChange, RequestState
from bot.views.blocks import (
    Block,
    View,
    actions,
    bold,
    context,
    escape,
    instant,
    mention,
    modal,
    section,
)
from bot.views.buttons import approve_buttons, cancel_button, undo_decline_button
from bot.views.home import people
from bot.views.i18n import Language
from bot.views.modals.inputs import LONGEST_ADDRESS, LONGEST_NAME, LONGEST_USE, reason_input, why_not_input
from bot.views.text import tidy
from bot.views.wording.approvals import approval_words, requested_change_words
from bot.views.wording.names import company

ASK_FORM: Final = "request.form"
DECLINE_FORM: Final = "request.decline.form"
_IN_VAIN: Final = frozenset({RequestState.CANCELLED, RequestState.EXPIRED, RequestState.REPLACED})
"""A yes to what is in one of these did nothing."""


def ask_modal(lang: Language, requested_change: RequestedChange, *, who_can: Sequence[str]) -> View:
    """Explains that an admin must agree, and asks for a reason. The form carries the wish."""
    return modal(
        lang.say("An admin must approve"),
        [
            section(
                f"*{escape(requested_change_words(lang, requested_change))}*\n"
                f"{_explained(lang, requested_change)}"
            ),
            *_who(lang, who_can),
            reason_input(lang),
        ],
        submit=lang.say("Send the request"),
        close=lang.say("Cancel"),
        callback=ASK_FORM,
        metadata=requested_change_text(requested_change),
    )


def _explained(lang: Language, requested_change: RequestedChange) -> str:
    if requested_change.operation is Operation.CONNECT and requested_change.kind is Kind.PERSONAL:
        return lang.say("Slack knows you by another address, so an admin must approve first.")
    if requested_change.operation is Operation.CONNECT:
        return lang.say("A team address is shared by everybody, so an admin must approve it first.")
    return lang.say("Other people use this team address too, so an admin must approve first.")


def _who(lang: Language, who_can: Sequence[str]) -> list[Block]:
    if not who_can:
        return []
    return [
        context(
            lang.say(
                "These people get your request; the first answer counts: {people}",
                people=people(lang, tuple(who_can)),
            )
        )
    ]


def asked_modal(lang: Language, request: Request, approvers: Sequence[str], is_new: bool) -> View:
    """The wish waits now, or waited already."""
    said = lang.say("Your request is on its way.") if is_new else lang.say("You have asked for this already.")
    waits = lang.say(
        "The admins have until {when} to answer. You get a message as soon as one of them does.",
        when=instant(lang, request.expires_at),
    )
    return modal(
        lang.say("Request sent") if is_new else lang.say("Already asked"),
        [
            section(
                f"⏳ {said}\n*{escape(requested_change_words(lang, request.requested_change))}*\n{waits}"
            ),
            *_who(lang, approvers),
        ],
        close=lang.say("Close"),
    )


def decline_modal(lang: Language, request: Request) -> View:
    """Asks why not, which may be left open."""
    wish = bold(escape(requested_change_words(lang, request.requested_change)))
    asks = lang.say("Asked for by {who}.", who=mention(request.requester))
    undo = lang.say("You can undo it for a minute; only then are they notified.")
    return modal(
        lang.say("Decline the request"),
        [section(f"{wish}\n{asks}"), why_not_input(lang), context(undo)],
        submit=lang.say("Decline"),
        close=lang.say("Cancel"),
        callback=DECLINE_FORM,
        metadata=request.id,
    )


def answered_modal(lang: Language, request: Request, *, may_undo: bool = False) -> View:
    """An answer has been given, or taken back."""
    wish = bold(escape(requested_change_words(lang, request.requested_change)))
    who = mention(request.requester)
    if request.is_open:
        said = lang.say("It waits for an answer again. {who} was not notified.", who=who)
        buttons = actions(*approve_buttons(lang, request))
        return modal(lang.say("Undone"), [section(f"{wish}\n{said}"), *buttons], close=lang.say("Close"))
    if request.state in _IN_VAIN:
        said = lang.say(
            "You approved it, but it is no longer possible. Nothing has changed, and {who} can see that.",
            who=who,
        )
        return modal(lang.say("No longer possible"), [section(f"{wish}\n{said}")], close=lang.say("Close"))
    if request.state is not RequestState.DECLINED:
        said = lang.say("Your answer is on its way to {who}.", who=who)
        return modal(lang.say("Approved"), [section(f"{wish}\n{said}")], close=lang.say("Close"))
    said = lang.say("{who} is notified in a minute.", who=who)
    undo = actions(undo_decline_button(lang, request)) if may_undo else []
    return modal(lang.say("Declined"), [section(f"{wish}\n{said}"), *undo], close=lang.say("Close"))


def too_many_modal(lang: Language, refusal: TooManyRequests) -> View:
    """One may not ask for more yet: what waits already, each with the button that takes it back."""
    words = approval_words(lang, refusal)
    assert words is not None
    if not refusal.waiting:
        said = f"*{escape(words.title)}*\n{escape(words.text)}\n{escape(words.next_step)}"
        return modal(lang.say("Not possible"), [section(said)], close=lang.say("Close"))
    said = lang.count(
        "{n} request of yours is waiting for an admin. Wait for an answer, or cancel one:",
        "{n} requests of yours are waiting for an admin. Wait for an answer, or cancel one:",
        len(refusal.waiting),
    )
    listed = [
        section(escape(requested_change_words(lang, one.requested_change)), cancel_button(lang, one))
        for one in refusal.waiting
    ]
    return modal(lang.say("Limit reached"), [section(said), *listed], close=lang.say("Close"))


def forwarded_modal(lang: Language, *, provider_label: str) -> View:
    """It waits for an organisation's admin now, who is not in Slack and has to be written to."""
    said = lang.say(
        "Nothing was sent yet. The text for your {company} admin is in your conversation with the "
        "bot: forward "
        "it to them. Once they have approved, go on from that message.",
        company=escape(company(provider_label)),
    )
    return modal(lang.say("Forward it to your admin"), [section(f"✉️ {said}")], close=lang.say("Close"))


def requested_change_text(requested_change: RequestedChange) -> str:
    """The wish as a form carries it: what was typed and ids, within ``private_metadata``."""
    return json.dumps(
        {
            "deed": requested_change.operation.value,
            "address": tidy(requested_change.address, LONGEST_ADDRESS),
            "kind": requested_change.kind.value,
            "channel": requested_change.channel_id,
            "use": tidy(requested_change.inbox.use, LONGEST_USE),
            "name": tidy(requested_change.inbox.name, LONGEST_NAME),
            "conversation": requested_change.inbox.conversation_id,
            "provider": requested_change.provider,
            "shared": requested_change.is_shared,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def parse_requested_change(text: str) -> RequestedChange | None:
    """The wish that ``requested_change_text`` wrote; ``None`` for anything else."""
    try:
        found: Any = json.loads(text)
        return RequestedChange(
            operation=Operation(found["deed"]),
            inbox=InboxSpec(
                address=str(found["address"]),
                kind=Kind(found["kind"]),
                use=str(found["use"]),
                name=str(found["name"]),
                conversation_id=ConversationId(str(found["conversation"])) if found["conversation"] else None,
                provider=str(found.get("provider", "")),
                is_shared=found.get("shared") is True,
            ),
            channel_id=ChannelId(str(found["channel"])) if found["channel"] else None,
        )
    except (ValueError, KeyError, TypeError):
        return None
