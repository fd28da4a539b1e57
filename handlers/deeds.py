"""What is done about one channel, whether it was asked for in words, by a button or by a form.

The one rule: each function is told the channel as it is now and an actor whose rights were just read.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from bot.domain.access import Actor, Deed, Right, may, right_to_connect
from bot.domain.address import same_address
from bot.domain.channel import Channel, Kind, State
from bot.domain.errors import NeedsApproval, OtherKind, OutOfDate
from bot.domain.ids import ConversationId
from bot.domain.request import Wish
from bot.services.channels import TeamDetails
from bot.services.connecting import Plan
from bot.services.trips import Begun
from bot.views.blocks import escape
from bot.views.language import Language
from bot.views.modals import (
    ADDRESS_BLOCK,
    CONVERSATION_BLOCK,
    KIND_BLOCK,
    NAME_BLOCK,
    USE_BLOCK,
    connect_modal,
    consent_modal,
    disable_modal,
    disabled_modal,
    disconnect_modal,
    enabled_modal,
    remove_modal,
    removed_modal,
    switch_modal,
    take_over_modal,
)
from bot.views.replies import enabled_message
from bot.views.status import status_message
from bot.views.words import refusal_words
from handlers.desk import Desk
from handlers.reply import Reply, Turn, View, noted


async def show_status(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    status = await desk.channels.status(actor, channel.id)
    shown = status_message(turn.lang, status, now=desk.clock(), viewer=actor.id)
    return Reply(message=shown, replaces=True)


async def offer_disconnect(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """Explain both ways. Whoever must ask an admin first may read it all the same."""
    with suppress(NeedsApproval):
        await desk.channels.allowed(actor, channel.id, Deed.REMOVE)
    label, by_hand = desk.channels.label_for(channel), desk.channels.is_by_hand(channel)
    delegate = await desk.channels.delegate_of(channel)
    return Reply(
        modal=disconnect_modal(turn.lang, channel, provider_label=label, by_hand=by_hand, delegate=delegate)
    )


async def offer_disable(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """Ask before disabling. A channel that is disabled already is shown as such."""
    if channel.state is State.DISABLED:
        return Reply(modal=disabled_modal(turn.lang, channel))
    channel = await desk.channels.allowed(actor, channel.id, Deed.DISABLE)
    label = desk.channels.label_for(channel)
    return Reply(modal=disable_modal(turn.lang, channel, provider_label=label))


async def offer_remove(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """Ask before removing, and say what will stop at the provider."""
    return Reply(modal=remove_modal(turn.lang, await desk.channels.before_removal(actor, channel.id)))


async def disable(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    channel = await desk.channels.disable(actor, channel.id)
    desk.home.refresh(actor.id)
    return Reply(modal=disabled_modal(turn.lang, channel))


async def enable(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """Enable and say what the check showed."""
    channel = await desk.channels.enable(actor, channel.id)
    desk.home.refresh(actor.id)
    label = desk.channels.label_for(channel)
    return Reply(
        message=enabled_message(turn.lang, channel, provider_label=label),
        modal=enabled_modal(turn.lang, channel, provider_label=label),
    )


async def remove(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """Remove and say what became of it on both sides."""
    removal = await desk.channels.remove(actor, channel.id)
    desk.home.refresh(actor.id)
    return Reply(modal=removed_modal(turn.lang, removal))


async def reconnect(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    return consent(desk, turn, await desk.connecting.begin_reconnect(actor, channel.id))


# --- connecting


def connect_form(turn: Turn, actor: Actor, *, address: str = "") -> View:
    """The form. Somebody else's address, typed by whoever may add team addresses, most likely is one."""
    own = actor.person.email
    may_team = right_to_connect(actor, Kind.TEAM, address) is Right.AT_ONCE
    is_team = bool(address) and may_team and not same_address(own, address)
    kind = Kind.TEAM if is_team else Kind.PERSONAL
    return connect_modal(turn.lang, address=address, own_address=own, kind=kind)


def redrawn_form(turn: Turn, actor: Actor) -> View:
    """The form for the kind that was chosen in it. What is typed stays."""
    plan = _plan(turn.asked.fields)
    return connect_modal(
        turn.lang,
        address=plan.typed,
        own_address=actor.person.email,
        kind=_kind(turn.asked.value),
        use=plan.use,
        name=plan.name,
        conversation_id=plan.conversation_id or "",
    )


async def connect(desk: Desk, turn: Turn, actor: Actor) -> Reply:
    """Begin with what stands in the form. A personal inbox that should be the team's is taken over."""
    plan = _plan(turn.asked.fields)
    try:
        return consent(desk, turn, await desk.connecting.begin(actor, plan))
    except OtherKind as other:
        if other.is_team:
            raise
        channel = await desk.channels.find(actor, plan.typed)
        if not may(actor, Deed.TAKE_OVER, channel):
            raise
        return Reply(modal=take_over_modal(turn.lang, channel))


async def connect_at(desk: Desk, turn: Turn, actor: Actor, wish: Wish) -> Reply:
    """The same form once more, at the provider that was chosen."""
    plan = Plan(
        typed=wish.address,
        kind=wish.kind,
        use=wish.use,
        name=wish.name,
        conversation_id=wish.conversation_id,
        provider=wish.provider,
        is_shared=wish.is_shared,
    )
    return consent(desk, turn, await desk.connecting.begin(actor, plan))


async def offer_take_over(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """Ask what a team address needs. One that is the team's already is shown as such."""
    if not channel.is_personal:
        return await show_status(desk, turn, actor, channel)
    channel = await desk.channels.allowed(actor, channel.id, Deed.TAKE_OVER)
    return Reply(modal=take_over_modal(turn.lang, channel))


async def take_over(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """Make a personal inbox the team's; its owner is told."""
    fields = turn.asked.fields
    details = TeamDetails(fields.get(NAME_BLOCK, ""), fields.get(USE_BLOCK, ""), _conversation(fields))
    await desk.channels.allowed(actor, channel.id, Deed.TAKE_OVER)
    await desk.connecting.say_hello(actor, channel.address, details.conversation_id)
    taken = await desk.channels.take_over(actor, channel.id, details)
    desk.home.refresh(actor.id, *([channel.owner_id] if channel.owner_id else []))
    return await show_status(desk, turn, actor, taken)


async def take_over_after_all(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """It has changed since the form was drawn; once it is the team's there is nothing left to do."""
    reply = await offer_take_over(desk, turn, actor, channel)
    return remarked(turn.lang, reply) if channel.is_personal else reply


def _plan(fields: Mapping[str, str]) -> Plan:
    return Plan(
        typed=fields.get(ADDRESS_BLOCK, ""),
        kind=_kind(fields.get(KIND_BLOCK, "")),
        use=fields.get(USE_BLOCK, ""),
        name=fields.get(NAME_BLOCK, ""),
        conversation_id=_conversation(fields),
    )


def _kind(chosen: str) -> Kind:
    return Kind.TEAM if chosen == Kind.TEAM.value else Kind.PERSONAL


def _conversation(fields: Mapping[str, str]) -> ConversationId | None:
    chosen = fields.get(CONVERSATION_BLOCK, "")
    return ConversationId(chosen) if chosen else None


def consent(desk: Desk, turn: Turn, begun: Begun) -> Reply:
    """What will be asked for, and the one button that opens the browser. The modal waits for the outcome."""

    async def waits(view_id: str) -> None:
        await desk.connecting.waits_in(begun.ticket_id, view_id)

    return Reply(modal=_consent_view(turn.lang, begun), then=waits)


def _consent_view(lang: Language, begun: Begun) -> View:
    if begun.channel is not None and begun.leaves is not None:
        return switch_modal(
            lang,
            begun.channel,
            begun.leaves,
            provider_label=begun.provider_label,
            scopes=begun.scopes,
            features=begun.features,
            url=begun.url,
            goal=begun.provider,
            is_shared=begun.is_shared,
            may_be_shared=begun.may_be_shared,
            others=begun.others,
        )
    return consent_modal(
        lang,
        address=begun.address,
        provider_label=begun.provider_label,
        scopes=begun.scopes,
        features=begun.features,
        account=begun.account,
        url=begun.url,
        reconnect=begun.reconnect,
        takes_password=begun.takes_password,
        is_shared=begun.is_shared,
        may_be_shared=begun.may_be_shared,
        wish=begun.wish,
        others=begun.others,
    )


# --- the channel has changed since the button or the form was drawn


async def disable_after_all(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    reply = await offer_disable(desk, turn, actor, channel)
    return reply if channel.state is State.DISABLED else remarked(turn.lang, reply)


async def remove_after_all(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    return remarked(turn.lang, await offer_remove(desk, turn, actor, channel))


async def status_after_all(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    return remarked(turn.lang, await show_status(desk, turn, actor, channel))


def remarked(lang: Language, reply: Reply) -> Reply:
    """The present state, and why nothing was done yet."""
    words = refusal_words(lang, OutOfDate())
    remark = (f"*{escape(words.title)}*", escape(words.text), escape(words.next_step))
    return Reply(
        message=noted(reply.message, *remark) if reply.message else None,
        modal=noted(reply.modal, *remark) if reply.modal else None,
        replaces=reply.replaces,
    )
