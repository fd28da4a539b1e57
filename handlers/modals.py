"""Forms: one handler per callback id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.views.hubspot import HUBSPOT_TELL_FORM
from bot.views.modals import (
    ADMINS_FORM,
    ASK_FORM,
    CONNECT_FORM,
    DECLINE_FORM,
    DISABLE_FORM,
    EDIT_FORM,
    KEYS_FORM,
    LEAVE_FORM,
    REMOVE_FORM,
    TAKE_OVER_FORM,
    WEBHOOKS_EDIT_FORM,
    WEBHOOKS_FORM,
)
from handlers import admins, approvals, channels, hubspot, keys, webhooks
from handlers.channels import act
from handlers.context import SILENT, Context, Interaction, Response, Route, is_first
from handlers.slack_request import SlackRequest


async def connect(context: Context, interaction: Interaction) -> Response:
    """The address is typed: show what will be asked for. Delivered again, it mints no second ticket."""
    actor = await context.actor(interaction, fresh=True)
    if not await is_first(context, interaction):
        return SILENT
    return await channels.connect(context, interaction, actor)


CALLBACKS: Final[Mapping[str, Route]] = {
    CONNECT_FORM: Route(connect),
    DISABLE_FORM: Route(act(channels.disable, otherwise=channels.disable_after_all)),
    REMOVE_FORM: Route(act(channels.remove, otherwise=channels.remove_after_all)),
    TAKE_OVER_FORM: Route(act(channels.take_over, otherwise=channels.take_over_after_all)),
    EDIT_FORM: Route(act(channels.edit, otherwise=channels.edit_after_all)),
    ADMINS_FORM: Route(admins.change(admins.agree)),
    LEAVE_FORM: Route(channels.leave),
    ASK_FORM: Route(approvals.ask),
    DECLINE_FORM: Route(approvals.decline),
    KEYS_FORM: Route(keys.make),
    WEBHOOKS_FORM: Route(webhooks.make),
    WEBHOOKS_EDIT_FORM: Route(webhooks.edit),
    HUBSPOT_TELL_FORM: Route(hubspot.tell),
}


def route(request: SlackRequest) -> Route | None:
    """The handler for a submitted form; ``None`` for one that nobody knows (any more)."""
    return CALLBACKS.get(request.name)
