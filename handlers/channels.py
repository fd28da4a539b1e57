"""What is done about one channel, whether it was asked for in words, by a button or by a form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

from bot.domain.access import Actor, Operation, Right, may, right_to_connect
from bot.domain.address import same_address
from bot.domain.channel import NOTHING_TYPED, Channel, InboxSpec, Kind, State, described
from bot.domain.errors import AlreadyConnected, NeedsApproval, OtherKind, OutOfDate
from bot.domain.ids import ChannelId, ConversationId
from bot.domain.request import RequestedChange
from bot.domain.ticket import Purpose, Ticket
from bot.domain.view_models import AuthorizationStart, Overview, Removal
from bot.services.connections.channel_actions import TeamDetails
from bot.views.blocks import escape, parse_value
from bot.views.buttons import Goal, parse_goal
from bot.views.history import drill_message, export_message, why_message
from bot.views.home import LIST_ROWS, overview_message
from bot.views.i18n import Language
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
    edit_modal,
    enabled_modal,
    leave_modal,
    left_remark,
    remove_modal,
    removed_modal,
    switch_modal,
    take_over_modal,
)
from bot.views.permissions import channel_permissions_message, permissions_message
from bot.views.replies import enabled_message
from bot.views.status import status_message
from bot.views.wording import refusal_words, revocation_words
from handlers import hubspot
from handlers.context import SILENT, Context, Handler, Interaction, KeptHandler, Response, View, noted
from handlers.slack_request import Surface


async def show_status(context: Context, interaction: Interaction, actor: Actor, channel: Channel) -> Response:
    status = await context.services.channels.status(actor, channel.id)
    shown = status_message(interaction.lang, status, now=context.clock(), viewer=actor.id)
    shown = await hubspot.with_other_side(context, interaction, channel, shown)
    return Response(message=shown, replaces=True)


async def offer_disconnect(
    context: Context, interaction: Interaction, actor: Actor, channel: Channel
) -> Response:
    """Explain both ways. Whoever must ask an admin first may read it all the same."""
    with suppress(NeedsApproval):
        await context.services.channels.allowed(actor, channel.id, Operation.REMOVE)
    label, by_hand = (
        context.services.channels.label_for(channel),
        context.services.channels.is_by_hand(channel),
    )
    delegate = await context.services.channels.delegate_of(channel)
    return Response(
        modal=disconnect_modal(
            interaction.lang, channel, provider_label=label, by_hand=by_hand, delegate=delegate
        )
    )


async def offer_disable(
    context: Context, interaction: Interaction, actor: Actor, channel: Channel
) -> Response:
    """Ask before disabling. A channel that is disabled already is shown as such."""
    if channel.state is State.DISABLED:
        return Response(modal=disabled_modal(interaction.lang, channel))
    channel = await context.services.channels.allowed(actor, channel.id, Operation.DISABLE)
    label = context.services.channels.label_for(channel)
    programs = await context.services.channels.programs_of(channel)
    return Response(modal=disable_modal(interaction.lang, channel, provider_label=label, programs=programs))


async def offer_remove(
    context: Context, interaction: Interaction, actor: Actor, channel: Channel
) -> Response:
    """Ask before removing, and say what will stop at the provider."""
    removal = await context.services.channel_actions.before_removal(actor, channel.id)
    programs = await context.services.channels.programs_of(channel)
    return Response(modal=remove_modal(interaction.lang, removal, programs=programs))


async def disable(context: Context, interaction: Interaction, actor: Actor, channel: Channel) -> Response:
    channel = await context.services.channel_actions.disable(actor, channel.id)
    context.home.refresh(actor.id)
    return Response(modal=disabled_modal(interaction.lang, channel))


async def enable(context: Context, interaction: Interaction, actor: Actor, channel: Channel) -> Response:
    """Enable and say what the check showed."""
    channel = await context.services.channel_actions.enable(actor, channel.id)
    context.home.refresh(actor.id)
    label = context.services.channels.label_for(channel)
    return Response(
        message=enabled_message(interaction.lang, channel, provider_label=label),
        modal=enabled_modal(interaction.lang, channel, provider_label=label),
    )


async def remove(context: Context, interaction: Interaction, actor: Actor, channel: Channel) -> Response:
    """Remove and say what became of it on both sides."""
    removal = await context.services.channel_actions.remove(actor, channel.id)
    context.home.refresh(actor.id)
    return Response(modal=removed_modal(interaction.lang, removal))


async def reconnect(context: Context, interaction: Interaction, actor: Actor, channel: Channel) -> Response:
    return consent(
        context, interaction, await context.services.connections.begin_reconnect(actor, channel.id)
    )


# --- connecting


def connect_form(interaction: Interaction, actor: Actor, *, address: str = "") -> View:
    """The form. An address that is not one's own most likely is the team's."""
    own = actor.person.email
    may_team = right_to_connect(actor, Kind.TEAM, address) is not Right.NONE
    is_team = bool(address) and may_team and not _is_like(own, address)
    kind = Kind.TEAM if is_team else Kind.PERSONAL
    return connect_modal(interaction.lang, InboxSpec(address, kind), own_address=own)


def _is_like(own: str, address: str) -> bool:
    """One's own, or the same name at another host."""
    return same_address(own, address) or own.partition("@")[0].lower() == address.partition("@")[0].lower()


def redrawn_form(interaction: Interaction, actor: Actor) -> View:
    """The form for the kind that was chosen in it. What is typed stays."""
    filled = replace(_inbox(interaction.request.fields), kind=_kind(interaction.request.value))
    return connect_modal(interaction.lang, filled, own_address=actor.person.email)


async def connect(context: Context, interaction: Interaction, actor: Actor) -> Response:
    """Begin with what stands in the form. A personal inbox that should be the team's is taken over."""
    inbox = _inbox(interaction.request.fields)
    try:
        begun = await context.services.connections.begin(actor, inbox)
        if begun.purpose is Purpose.RECONNECT:
            await _keep(context, actor, inbox)
        return consent(context, interaction, begun)
    except OtherKind as other:
        if other.is_team:
            raise
        channel = await context.services.channels.find(actor, inbox.address)
        if not may(actor, Operation.TAKE_OVER, channel):
            raise
        return Response(modal=take_over_modal(interaction.lang, channel))


async def _keep(context: Context, actor: Actor, typed: InboxSpec) -> None:
    """What was typed about an inbox that is here, and only has to be signed in to again, is not lost."""
    channel = await context.services.channels.find(actor, typed.address)
    wanted = described(channel, typed)
    if wanted == channel or not may(actor, Operation.EDIT, channel):
        return
    if wanted.conversation_id != channel.conversation_id:
        await context.services.connections.say_hello(actor, channel.address, wanted.conversation_id)
    details = TeamDetails(wanted.name, wanted.use, wanted.conversation_id)
    await context.services.channel_actions.edit(actor, channel.id, details)
    context.home.refresh(actor.id)


async def connect_at(
    context: Context, interaction: Interaction, actor: Actor, requested_change: RequestedChange
) -> Response:
    """The same form once more, at the provider that was chosen."""
    begun = await context.services.connections.begin(actor, requested_change.inbox)
    return consent(context, interaction, begun)


async def renew(context: Context, interaction: Interaction, actor: Actor, ticket: Ticket) -> Response:
    """The trip of an expired ticket from its beginning: rights, address and provider are looked at anew."""
    connections, channel_id = context.services.connections, ticket.channel_id
    if ticket.request_id is not None:
        return consent(context, interaction, await connections.begin_approved(actor, ticket.request_id))
    if channel_id is None:
        return consent(context, interaction, await connections.begin(actor, ticket.inbox))
    if ticket.purpose is Purpose.SWITCH:
        switches = context.services.switches
        begun = await switches.begin(actor, channel_id, to=ticket.provider, is_shared=ticket.is_shared)
        return consent(context, interaction, begun)
    return consent(context, interaction, await connections.begin_reconnect(actor, channel_id))


async def offer_take_over(
    context: Context, interaction: Interaction, actor: Actor, channel: Channel
) -> Response:
    """Ask what a team address needs. One that is the team's already is shown as such."""
    if not channel.is_personal:
        return await show_status(context, interaction, actor, channel)
    channel = await context.services.channels.allowed(actor, channel.id, Operation.TAKE_OVER)
    return Response(modal=take_over_modal(interaction.lang, channel))


async def take_over(context: Context, interaction: Interaction, actor: Actor, channel: Channel) -> Response:
    """Make a personal inbox the team's; its owner is told."""
    details = _details(interaction.request.fields)
    await context.services.channels.allowed(actor, channel.id, Operation.TAKE_OVER)
    await context.services.connections.say_hello(actor, channel.address, details.conversation_id)
    taken = await context.services.channel_actions.take_over(actor, channel.id, details)
    context.home.refresh(actor.id, *([channel.owner_id] if channel.owner_id else []))
    return await show_status(context, interaction, actor, taken)


async def take_over_after_all(
    context: Context, interaction: Interaction, actor: Actor, channel: Channel
) -> Response:
    """It has changed since the form was drawn; once it is the team's there is nothing left to do."""
    reply = await offer_take_over(context, interaction, actor, channel)
    return remarked(interaction.lang, reply) if channel.is_personal else reply


async def offer_edit(
    context: Context,
    interaction: Interaction,
    actor: Actor,
    channel: Channel,
    typed: InboxSpec = NOTHING_TYPED,
) -> Response:
    """Ask for what can be changed, filled in as it is; what was ``typed`` in another form wins."""
    channel = await context.services.channels.allowed(actor, channel.id, Operation.EDIT)
    return Response(modal=edit_modal(interaction.lang, channel, typed))


async def edit(context: Context, interaction: Interaction, actor: Actor, channel: Channel) -> Response:
    """Save what the form says; a conversation that is new to it is greeted first."""
    details = _details(interaction.request.fields)
    await context.services.channels.allowed(actor, channel.id, Operation.EDIT)
    if details.conversation_id != channel.conversation_id:
        await context.services.connections.say_hello(actor, channel.address, details.conversation_id)
    saved = await context.services.channel_actions.edit(actor, channel.id, details)
    context.home.refresh(actor.id, *([channel.owner_id] if channel.owner_id else []))
    return await show_status(context, interaction, actor, saved)


async def edit_after_all(
    context: Context, interaction: Interaction, actor: Actor, channel: Channel
) -> Response:
    """It has changed since the form was drawn: the form once more, with what was typed in it."""
    channel = await context.services.channels.allowed(actor, channel.id, Operation.EDIT)
    typed = _inbox(interaction.request.fields)
    return remarked(interaction.lang, Response(modal=edit_modal(interaction.lang, channel, typed)))


def _details(fields: Mapping[str, str]) -> TeamDetails:
    return TeamDetails(fields.get(NAME_BLOCK, ""), fields.get(USE_BLOCK, ""), _conversation(fields))


def _inbox(fields: Mapping[str, str]) -> InboxSpec:
    return InboxSpec(
        address=fields.get(ADDRESS_BLOCK, ""),
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


def consent(context: Context, interaction: Interaction, begun: AuthorizationStart) -> Response:
    """What will be asked for, and the one button that opens the browser. The modal waits for the outcome."""

    async def waits(view_id: str) -> None:
        await context.services.connections.waits_in(begun.ticket_id, view_id)

    return Response(modal=_consent_view(interaction.lang, begun), then=waits)


def _consent_view(lang: Language, begun: AuthorizationStart) -> View:
    if begun.leaves is not None:
        return switch_modal(lang, begun, begun.leaves)
    return consent_modal(lang, begun)


# --- the channel has changed since the button or the form was drawn


async def disable_after_all(
    context: Context, interaction: Interaction, actor: Actor, channel: Channel
) -> Response:
    reply = await offer_disable(context, interaction, actor, channel)
    return reply if channel.state is State.DISABLED else remarked(interaction.lang, reply)


async def remove_after_all(
    context: Context, interaction: Interaction, actor: Actor, channel: Channel
) -> Response:
    return remarked(interaction.lang, await offer_remove(context, interaction, actor, channel))


async def status_after_all(
    context: Context, interaction: Interaction, actor: Actor, channel: Channel
) -> Response:
    return remarked(interaction.lang, await show_status(context, interaction, actor, channel))


def remarked(lang: Language, reply: Response) -> Response:
    """The present state, and why nothing was done yet."""
    words = refusal_words(lang, OutOfDate())
    remark = (f"*{escape(words.title)}*", escape(words.text), escape(words.next_step))
    return Response(
        message=noted(reply.message, *remark) if reply.message else None,
        modal=noted(reply.modal, *remark) if reply.modal else None,
        replaces=reply.replaces,
    )


async def switch(context: Context, interaction: Interaction, actor: Actor, channel: Channel) -> Response:
    """What a switch means, and the button that opens the browser; if it is there already, its status."""
    goal = parse_goal(interaction.request.value)
    try:
        begun = await context.services.switches.begin(
            actor, channel.id, to=goal.key, is_shared=goal.is_shared
        )
    except AlreadyConnected:
        return await status_after_all(context, interaction, actor, channel)
    return consent(context, interaction, begun)


async def offer_leaving(
    context: Context, interaction: Interaction, actor: Actor, channel: Channel
) -> Response:
    """Ask before removing, and say what follows."""
    goal = _goal(interaction)
    needs_approval = await context.services.switches.check_leaving(actor, channel.id, goal.key)
    removal = await context.services.channel_actions.before_removal(actor, channel.id)
    to = (goal.key, context.services.channels.label_at(goal.key, channel.address))
    return Response(modal=leave_modal(interaction.lang, removal, to=to, needs_approval=needs_approval))


async def leave(context: Context, interaction: Interaction) -> Response:
    """The form is confirmed: remove, and begin at the other provider with what is known already. Confirmed
    twice, it is removed once."""
    target = parse_value(interaction.request.value)
    if target is None:
        raise OutOfDate
    channel_id, version = target
    actor = await context.actor(interaction, fresh=True)
    channel = await context.services.channels.allowed(actor, channel_id, Operation.REMOVE)
    await context.services.switches.check_leaving(actor, channel_id, _goal(interaction).key)
    if channel.state is State.REMOVED:
        return await _go_on(context, interaction, actor, channel_id)
    if channel.version != version:
        return remarked(interaction.lang, await offer_leaving(context, interaction, actor, channel))
    removal = await context.services.channel_actions.remove(actor, channel_id)
    context.home.refresh(actor.id)
    return await _go_on(context, interaction, actor, channel_id, removal)


async def _go_on(
    context: Context,
    interaction: Interaction,
    actor: Actor,
    channel_id: ChannelId,
    removal: Removal | None = None,
) -> Response:
    begun = await context.services.switches.begin_anew(actor, channel_id, _goal(interaction).key)
    reply = consent(context, interaction, begun)
    if removal is None or reply.modal is None:
        return reply
    told = left_remark(interaction.lang, removal, revocation_words(interaction.lang, removal))
    return Response(modal=noted(reply.modal, *told), then=reply.then)


def _goal(interaction: Interaction) -> Goal:
    goal = parse_goal(interaction.request.value)
    if not goal.key:
        raise OutOfDate
    return goal


async def why(context: Context, interaction: Interaction, actor: Actor, channel: Channel) -> Response:
    """What was seen, what followed, whom we told."""
    evidence = await context.services.history.why(actor, channel.id)
    shown = why_message(interaction.lang, evidence, now=context.clock())
    shown = await hubspot.with_other_side(context, interaction, channel, shown)
    return Response(message=shown, replaces=True)


async def drill(context: Context, interaction: Interaction, actor: Actor, channel: Channel) -> Response:
    """Who would be told, and in which words."""
    rehearsal = await context.services.history.drill(actor, channel.id)
    await context.services.people.note_first_hour(actor, rehearsed=True)
    context.home.refresh(actor.id)
    return Response(
        message=drill_message(interaction.lang, rehearsal, now=context.clock(), command=context.command)
    )


async def export(context: Context, interaction: Interaction) -> Response:
    """A link to the file, for whoever asked only."""
    offer = await context.services.history_export.begin(await context.actor(interaction, fresh=True))
    return Response(message=export_message(interaction.lang, url=offer.url, until=offer.expires_at))


async def channel_permissions(
    context: Context, interaction: Interaction, actor: Actor, channel: Channel
) -> Response:
    """One inbox."""
    shown = await context.services.permissions.of_channel(actor, channel.id)
    return Response(message=channel_permissions_message(interaction.lang, shown), replaces=True)


async def permissions_overview(context: Context, interaction: Interaction, actor: Actor) -> Response:
    """Every provider, and the inboxes that somebody has to consent for again."""
    shown = await context.services.permissions.overview(actor)
    return Response(message=permissions_message(interaction.lang, shown), replaces=True)


About = Callable[[Context, Interaction, Actor, Channel], Awaitable[Response]]
"""An action on one channel."""


async def _drawn_overview(context: Context, interaction: Interaction) -> Response:
    shown = await context.services.channels.overview(await context.actor(interaction), most=LIST_ROWS)
    return await listed(context, interaction, shown)


show_overview: Final = KeptHandler("overview", _drawn_overview)
"""Who looks again while nothing has changed gets what was drawn for them before."""


async def listed(context: Context, interaction: Interaction, shown: Overview) -> Response:
    """What is here, and in the same list what is in HubSpot."""
    elsewhere = await hubspot.in_the_same_list(context, interaction, shown.sought)
    message = overview_message(interaction.lang, shown, now=context.clock(), elsewhere=elsewhere)
    return Response(message=message, replaces=True)


def look(operation: About, *, fresh: bool = False) -> Handler:
    """A button that shows or asks something: always about the channel as it is now."""

    async def handler(context: Context, interaction: Interaction) -> Response:
        target = parse_value(interaction.request.value)
        if target is None:
            raise OutOfDate
        actor = await context.actor(interaction, fresh=fresh)
        return await operation(
            context, interaction, actor, await context.services.channels.by_id(actor, target[0])
        )

    return handler


def act(operation: About, *, otherwise: About) -> Handler:
    """A button or form that does something at once, unless the channel has changed since it was drawn."""

    async def handler(context: Context, interaction: Interaction) -> Response:
        target = parse_value(interaction.request.value)
        if target is None:
            raise OutOfDate
        actor = await context.actor(interaction, fresh=True)
        channel = await context.services.channels.by_id(actor, target[0])
        if channel.version != target[1]:
            context.home.refresh(actor.id)
            return await otherwise(context, interaction, actor, channel)
        return await operation(context, interaction, actor, channel)

    return handler


async def said(context: Context, interaction: Interaction) -> Response:
    """Done. The message that was clicked says so when it is redrawn; elsewhere the overview does."""
    if interaction.request.surface is Surface.MESSAGE and not interaction.request.is_ephemeral:
        return SILENT
    return await show_overview(context, interaction)
