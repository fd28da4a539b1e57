"""Buttons: one handler per action id.

The one rule: a button names a channel and the version it was drawn for. An action is taken only on that
version; otherwise the present state is drawn instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from bot.domain.address import LONGEST
from bot.domain.errors import OutOfDate
from bot.domain.ids import GrantId, TicketId
from bot.domain.view_models import Browse
from bot.views import buttons, messages
from bot.views.history import EXPORT_OPEN
from bot.views.home import (
    FIRST_HOUR_OVER,
    HOME_ALL,
    HOME_NEXT,
    HOME_PREVIOUS,
    HOME_SEARCH,
    HOME_STATE,
    chosen_browse,
    parse_browse,
)
from bot.views.hubspot import HUBSPOT_PAIR, HUBSPOT_SHOW, HUBSPOT_TELL, HUBSPOT_UNPAIR
from bot.views.modals import (
    ADMINS_GIVE_ACCESS,
    ADMINS_GIVE_GROUP,
    ADMINS_GIVE_SUPER,
    ADMINS_TAKE,
    CONNECT_AT_ANY,
    CONNECT_KIND,
    CONNECT_SHARED,
    CONSENT_ASK,
    CONSENT_OPEN,
    CONSENT_RENEW,
    EDIT_TYPED,
    KEYS_NEW,
    KEYS_REVOKE,
    KEYS_TURN,
    LEAVE_ANY,
    SWITCH_SHARED,
    WEBHOOKS_EDIT,
    WEBHOOKS_NEW,
    WEBHOOKS_REVOKE,
    WEBHOOKS_ROTATE,
    WEBHOOKS_TEST,
    WEBHOOKS_TURN,
    parse_requested_change,
    removed_modal,
)
from bot.views.replies import removed_message
from handlers import admins, approvals, channels, commands, hubspot, incidents, keys, reports, webhooks
from handlers.channels import act, look, show_overview
from handlers.context import SILENT, Context, Interaction, Response, Route, is_first
from handlers.slack_request import SlackRequest


def route(request: SlackRequest) -> Route | None:
    """The handler for a click; ``None`` for a button that nobody knows (any more)."""
    if request.is_link:
        return _LINK
    if request.name == buttons.TYPED:
        return commands.route(request.value)
    return _chosen(request) if request.name == buttons.MORE else ACTIONS.get(request.name)


def _chosen(request: SlackRequest) -> Route:
    """What a choice in a menu stands for, done as if its button had been pressed."""
    action_id, value = buttons.parse_choice(request.value)
    found = ACTIONS.get(action_id) or ONLY_CHOSEN.get(action_id) or ACTIONS[buttons.MORE]
    chosen = found.handler

    async def handler(context: Context, interaction: Interaction) -> Response:
        return await chosen(context, replace(interaction, request=replace(request, value=value)))

    return Route(handler, found.opens)


async def _silent(context: Context, interaction: Interaction) -> Response:
    """The button has opened an address; Slack only tells."""
    return SILENT


async def out_of_date(context: Context, interaction: Interaction) -> Response:
    """A button of a version long gone."""
    raise OutOfDate


async def connect(context: Context, interaction: Interaction) -> Response:
    """The form; a button may name the address, which is judged as if it were typed."""
    actor = await context.actor(interaction)
    return Response(modal=channels.connect_form(interaction, actor, address=interaction.request.value))


async def choose_kind(context: Context, interaction: Interaction) -> Response:
    """*My inbox* or *team address*: the form asks for what that kind needs."""
    return Response(modal=channels.redrawn_form(interaction, await context.actor(interaction)))


async def connect_at(context: Context, interaction: Interaction) -> Response:
    """The mailbox is hosted elsewhere than was found out, or is (not) a shared one."""
    requested_change = parse_requested_change(interaction.request.value)
    if requested_change is None:
        raise OutOfDate
    actor = await context.actor(interaction, fresh=True)
    if not await is_first(context, interaction):
        return SILENT
    return await channels.connect_at(context, interaction, actor, requested_change)


async def renew(context: Context, interaction: Interaction) -> Response:
    """The link in the dialog has expired: the same trip, with a fresh one."""
    actor = await context.actor(interaction, fresh=True)
    ticket = await context.services.connections.expired(actor, TicketId(interaction.request.value))
    if not await is_first(context, interaction):
        return SILENT
    return await channels.renew(context, interaction, actor, ticket)


async def edit_typed(context: Context, interaction: Interaction) -> Response:
    """What was typed in the form that connects, in the one that edits."""
    typed = parse_requested_change(interaction.request.value)
    if typed is None or typed.channel_id is None:
        raise OutOfDate
    actor = await context.actor(interaction)
    channel = await context.services.channels.by_id(actor, typed.channel_id)
    return await channels.offer_edit(context, interaction, actor, channel, typed.inbox)


async def check_again(context: Context, interaction: Interaction) -> Response:
    """Ask the provider once more, and tell both sides as they are then."""
    actor = await context.actor(interaction, fresh=True)
    removal = await context.services.channel_actions.check_again(actor, GrantId(interaction.request.value))
    return Response(
        message=removed_message(interaction.lang, removal),
        modal=removed_modal(interaction.lang, removal),
        replaces=True,
    )


async def show_permissions(context: Context, interaction: Interaction) -> Response:
    return await channels.permissions_overview(context, interaction, await context.actor(interaction))


async def browse(context: Context, interaction: Interaction) -> Response:
    """Home shows what was looked for; each click says all of it, whichever process hears it."""
    request = interaction.request
    chosen = chosen_browse(request.fields)
    if request.name in {HOME_PREVIOUS, HOME_NEXT}:
        wanted = replace(parse_browse(request.value), turn=chosen.turn)
    elif request.name == HOME_ALL:
        wanted = Browse(turn=chosen.turn)
    else:
        wanted = replace(chosen, text=commands.folded(chosen.text)[:LONGEST])
    actor = await context.actor(interaction)
    context.home.browse(actor.id, wanted)
    return SILENT


async def hide_first_hour(context: Context, interaction: Interaction) -> Response:
    """The steps of day one are seen no more by whoever wants that."""
    actor = await context.actor(interaction)
    await context.services.people.note_first_hour(actor, hides=True)
    context.home.refresh(actor.id)
    return SILENT


_LINK: Final = Route(_silent)
ONLY_CHOSEN: Final[Mapping[str, Route]] = {
    buttons.DRILL: Route(look(channels.drill, fresh=True)),
    buttons.PERMISSIONS_ALL: Route(show_permissions),
    buttons.EXPORT: Route(channels.export),
    buttons.REPORT: Route(reports.show),
}
"""What a menu alone stands for, and no button."""

ACTIONS: Final[Mapping[str, Route]] = {
    buttons.CONNECT: Route(connect, opens=True),
    buttons.STATUS: Route(look(channels.show_status)),
    buttons.DISCONNECT: Route(look(channels.offer_disconnect), opens=True),
    buttons.DISABLE: Route(look(channels.offer_disable), opens=True),
    buttons.ENABLE: Route(act(channels.enable, otherwise=channels.status_after_all)),
    buttons.REMOVE: Route(look(channels.offer_remove), opens=True),
    buttons.RECONNECT: Route(look(channels.reconnect, fresh=True), opens=True),
    buttons.EDIT: Route(look(channels.offer_edit), opens=True),
    EDIT_TYPED: Route(edit_typed, opens=True),
    buttons.TAKE_OVER: Route(look(channels.offer_take_over), opens=True),
    **dict.fromkeys(
        (buttons.SWITCH, *buttons.SWITCH_ANY, SWITCH_SHARED),
        Route(look(channels.switch, fresh=True), opens=True),
    ),
    **dict.fromkeys(LEAVE_ANY, Route(look(channels.offer_leaving, fresh=True), opens=True)),
    buttons.OVERVIEW: Route(show_overview),
    buttons.MORE: Route(out_of_date),  # a choice that nobody knows (any more)
    buttons.TYPED: Route(out_of_date),  # read as if it had been typed
    buttons.ADMINS: Route(admins.show, opens=True),
    buttons.HELP: commands.route("help"),
    buttons.CHECK: Route(check_again),
    CONNECT_KIND: Route(choose_kind),
    **dict.fromkeys((*CONNECT_AT_ANY, CONNECT_SHARED), Route(connect_at)),
    CONSENT_ASK: Route(approvals.ask_their_admin),
    CONSENT_OPEN: _LINK,
    CONSENT_RENEW: Route(renew),
    EXPORT_OPEN: _LINK,
    buttons.REPORT_FILE: Route(reports.file),
    buttons.REPORT_MONTHLY: Route(reports.monthly),
    messages.RECONNECT_LINK: _LINK,
    messages.HUBSPOT_LINK: _LINK,
    buttons.WHY: Route(look(channels.why)),
    buttons.PERMISSIONS: Route(look(channels.channel_permissions)),
    messages.CLAIM: Route(incidents.claim),
    messages.HAND_BACK: Route(incidents.hand_back),
    messages.HAND_OVER: Route(incidents.hand_over),
    messages.SNOOZE: Route(incidents.snooze),
    messages.WAKE: Route(incidents.wake),
    buttons.APPROVE: Route(approvals.approve),
    buttons.DECLINE: Route(approvals.offer_decline, opens=True),
    buttons.DECLINE_UNDO: Route(approvals.take_back),
    buttons.CANCEL: Route(approvals.cancel),
    buttons.GO_ON: Route(approvals.go_on, opens=True),
    HUBSPOT_SHOW: Route(hubspot.show),
    HUBSPOT_TELL: Route(hubspot.offer_to_tell, opens=True),
    HUBSPOT_PAIR: Route(admins.pairing(hubspot.pair)),
    HUBSPOT_UNPAIR: Route(admins.pairing(hubspot.unpair)),
    **dict.fromkeys((buttons.KEYS, *KEYS_TURN), Route(keys.show, opens=True)),
    buttons.KEY_ALLOW: Route(approvals.allow_key),
    buttons.KEY_DECLINE: Route(approvals.decline_key),
    buttons.KEY_NOT_ME: Route(approvals.disown_key),
    KEYS_NEW: Route(keys.offer),
    KEYS_REVOKE: Route(keys.revoke),
    **dict.fromkeys((buttons.WEBHOOKS, *WEBHOOKS_TURN), Route(webhooks.show, opens=True)),
    WEBHOOKS_NEW: Route(webhooks.offer),
    WEBHOOKS_EDIT: Route(webhooks.offer_edit),
    WEBHOOKS_TEST: Route(webhooks.test),
    WEBHOOKS_ROTATE: Route(webhooks.rotate),
    WEBHOOKS_REVOKE: Route(webhooks.revoke),
    ADMINS_TAKE: Route(admins.change(admins.take)),
    messages.ADMINS_UNDO: Route(incidents.undo_roles),
    **dict.fromkeys((HOME_SEARCH, HOME_STATE, HOME_ALL, HOME_PREVIOUS, HOME_NEXT), Route(browse)),
    FIRST_HOUR_OVER: Route(hide_first_hour),
    ADMINS_GIVE_SUPER: Route(admins.change(admins.give_super)),
    ADMINS_GIVE_ACCESS: Route(admins.change(admins.give_access)),
    ADMINS_GIVE_GROUP: Route(admins.change(admins.give_group)),
}
