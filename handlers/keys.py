"""Keys of programs in a dialog: listed, made, shown once, revoked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from bot.domain.api_key import KeyFault, KeyRefused
from bot.domain.errors import ProgramsOff
from bot.domain.ids import ApiKeyId, ChannelId
from bot.services.connections.api_keys import KeySpec
from bot.services.connections.program_keys import ProgramKeys
from bot.services.core.ports import new_id
from bot.views.blocks import Block, escape
from bot.views.modals import (
    ADDRESSES_BLOCK,
    ALL_TEAM,
    FEATURES_BLOCK,
    KEYS_INBOXES,
    LASTS_BLOCK,
    NAME_BLOCK,
    NETWORKS_BLOCK,
    SCOPE_BLOCK,
    WEBHOOKS_INBOXES,
    form_again,
    inbox_option,
    key_fault,
    key_made_modal,
    key_modal,
    keys_modal,
    revoked_remark,
)
from handlers.context import Context, Interaction, Response
from handlers.slack_request import SlackRequest

_BETWEEN = re.compile(r"[\s,;、，；]+")


async def show(context: Context, interaction: Interaction) -> Response:
    """The list, at the place that the click says."""
    actor = await context.actor(interaction)
    keys = await service(context).overview(actor)
    start = interaction.request.value
    return Response(modal=keys_modal(interaction.lang, keys, start=int(start) if is_number(start) else 0))


async def offer(context: Context, interaction: Interaction) -> Response:
    """The form."""
    actor = await context.actor(interaction, fresh=True)
    await service(context).check(actor)
    return Response(modal=key_modal(interaction.lang, service(context).features, new_id()))


async def make(context: Context, interaction: Interaction) -> Response:
    """The form is sent. What is wrong stands beside its field; a form that is sent twice makes one key, and
    the second answer is the list in which it stands."""
    actor = await context.actor(interaction, fresh=True)
    try:
        key, secret = await service(context).create(actor, _spec(interaction))
    except KeyRefused as refused:
        block, words = key_fault(interaction.lang, refused)
        if refused.fault is KeyFault.MADE:
            keys = await service(context).overview(actor)
            return Response(modal=keys_modal(interaction.lang, keys, remark=words))
        again = form_again(interaction.lang, interaction.request.view, escape(words))
        return Response(modal=again, errors={block: words})
    base_url = service(context).base_url
    return Response(modal=key_made_modal(interaction.lang, key, secret.reveal(), base_url=base_url))


async def revoke(context: Context, interaction: Interaction) -> Response:
    """It was asked before. Pressed twice, it is said twice."""
    actor = await context.actor(interaction, fresh=True)
    key = await service(context).revoke(actor, ApiKeyId(interaction.request.value))
    keys = await service(context).overview(actor)
    return Response(modal=keys_modal(interaction.lang, keys, remark=revoked_remark(interaction.lang, key)))


async def suggest(context: Context, request: SlackRequest) -> list[Block]:
    """Inboxes to choose from. Raises ``NotAllowed``, ``ProgramsOff``."""
    actor = await context.services.people.member(request.workspace_id, request.user_id)
    if request.name not in {KEYS_INBOXES, WEBHOOKS_INBOXES}:
        return []
    is_team_only = request.name == WEBHOOKS_INBOXES
    found = await service(context).inboxes(actor, request.text, is_team_only=is_team_only)
    return [inbox_option(it) for it in found]


def service(context: Context) -> ProgramKeys:
    """Raises ``ProgramsOff``."""
    if context.services.program_keys is None:
        raise ProgramsOff
    return context.services.program_keys


def _spec(interaction: Interaction) -> KeySpec:
    fields = interaction.request.fields
    ticked = [said for block, said in fields.items() if block.startswith(FEATURES_BLOCK)]
    days = fields.get(LASTS_BLOCK, "")
    return KeySpec(
        name=fields.get(NAME_BLOCK, ""),
        channels=chosen_in(fields),
        is_for_team=fields.get(SCOPE_BLOCK) == ALL_TEAM,
        features=" ".join(ticked).split(),
        lasts=timedelta(days=int(days)) if is_number(days) else timedelta(),
        networks=_words(fields.get(NETWORKS_BLOCK, "")),
        once=interaction.request.value,
    )


def chosen_in(fields: Mapping[str, str]) -> list[ChannelId]:
    """The inboxes that were chosen in a form."""
    return [ChannelId(one) for one in fields.get(ADDRESSES_BLOCK, "").split()]


def _words(typed: str) -> list[str]:
    return [one for one in _BETWEEN.split(typed) if one]


def is_number(text: str) -> bool:
    """Whether it is a small one."""
    return len(text) <= 4 and text.isascii() and text.isdecimal()
