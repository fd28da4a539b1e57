"""Webhooks of programs in a dialog: listed, made, edited, tested, given a new secret, removed."""

from __future__ import annotations

from collections.abc import Callable

from bot.domain.errors import OutOfDate, ProgramsOff
from bot.domain.grant import Secret
from bot.domain.ids import WebhookId
from bot.domain.webhook import Webhook, WebhookFault, WebhookRefused
from bot.services.connections.program_keys import ProgramWebhooks
from bot.services.connections.webhooks import Tested, WebhookChanges, WebhookSpec
from bot.services.core.ports import new_id
from bot.views.blocks import escape
from bot.views.i18n import Language
from bot.views.modals import (
    ALL_TEAM,
    NAME_BLOCK,
    SCOPE_BLOCK,
    URL_BLOCK,
    edit_webhook_modal,
    edited_remark,
    form_again,
    parse_stamped,
    rotated_remark,
    secret_modal,
    tested_remark,
    untested_remark,
    webhook_edited_remark,
    webhook_fault,
    webhook_gone_remark,
    webhook_lost_remark,
    webhook_modal,
    webhook_revoked_remark,
    webhook_rotated_remark,
    webhooks_modal,
)
from handlers.context import Context, Interaction, Response
from handlers.errors import attempt
from handlers.keys import chosen_in, is_number
from storage import KeyLost


async def show(context: Context, interaction: Interaction) -> Response:
    """The list, at the place that the click says."""
    start = interaction.request.value
    return await _listed(context, interaction, start=int(start) if is_number(start) else 0)


async def offer(context: Context, interaction: Interaction) -> Response:
    """The form."""
    actor = await context.actor(interaction, fresh=True)
    await service(context).check(actor)
    return Response(modal=webhook_modal(interaction.lang, new_id()))


async def make(context: Context, interaction: Interaction) -> Response:
    """The form is sent. What is wrong stands beside its field; a form that is sent twice makes one webhook,
    and the second answer is the list with it. Whatever becomes of the test, the secret is shown."""
    actor = await context.actor(interaction, fresh=True)
    try:
        webhook, secret = await service(context).create(actor, _spec(interaction))
    except WebhookRefused as refused:
        if refused.fault is WebhookFault.MADE:
            _, words = webhook_fault(interaction.lang, refused)
            return await _listed(context, interaction, lambda _: words)
        return _again(interaction, refused)
    tested = await attempt(service(context).test(actor, webhook.id))
    remark = _said(interaction.lang, webhook, tested if isinstance(tested, Tested) else None)
    return Response(modal=secret_modal(interaction.lang, webhook, secret.reveal(), remark))


async def offer_edit(context: Context, interaction: Interaction) -> Response:
    """The form, with what stands at this moment."""
    actor = await context.actor(interaction, fresh=True)
    row = await service(context).shown(actor, WebhookId(interaction.request.value))
    if row is None:
        return await _listed(context, interaction, webhook_gone_remark)
    return Response(modal=edit_webhook_modal(interaction.lang, row))


async def edit(context: Context, interaction: Interaction) -> Response:
    """The form is sent. What is wrong, or what a new address answered, stands beside its field; what was
    done, or that somebody was first, above the list."""
    actor = await context.actor(interaction, fresh=True)
    webhook_id, seen = parse_stamped(interaction.request.value)
    try:
        edited = await service(context).edit(actor, webhook_id, _changes(interaction), seen=seen)
    except WebhookRefused as refused:
        return _again(interaction, refused)
    except OutOfDate:
        return await _listed(context, interaction, webhook_edited_remark)
    except KeyLost:
        return await _listed(context, interaction, webhook_lost_remark)
    if edited is None:
        return await _listed(context, interaction, webhook_gone_remark)
    before, after, is_moved = edited.before, edited.after, edited.is_moved
    return await _listed(
        context, interaction, lambda lang: edited_remark(lang, before, after, is_moved=is_moved)
    )


def _again(interaction: Interaction, refused: WebhookRefused) -> Response:
    """The form, with what is wrong beside its field."""
    block, words = webhook_fault(interaction.lang, refused)
    again = form_again(interaction.lang, interaction.request.view, escape(words))
    return Response(modal=again, errors={block: words})


async def test(context: Context, interaction: Interaction) -> Response:
    """The receiver may take its time; what it said stands above the list."""
    actor = await context.actor(interaction, fresh=True)
    try:
        tested = await service(context).test(actor, WebhookId(interaction.request.value))
    except KeyLost:
        return await _listed(context, interaction, webhook_lost_remark)
    if tested is None:
        return await _listed(context, interaction, webhook_gone_remark)
    return await _listed(context, interaction, lambda lang: _said(lang, tested.webhook, tested))


async def rotate(context: Context, interaction: Interaction) -> Response:
    """It was asked before. Pressed twice, one secret is made: the receiver's own would be void."""
    actor = await context.actor(interaction, fresh=True)
    webhook_id, seen = parse_stamped(interaction.request.value)
    try:
        rotated = await service(context).rotate(actor, webhook_id, seen=seen)
    except OutOfDate:
        return await _listed(context, interaction, webhook_rotated_remark)
    except KeyLost:
        return await _listed(context, interaction, webhook_lost_remark)
    if rotated is None:
        return await _listed(context, interaction, webhook_gone_remark)
    webhook, secret = rotated
    remark = rotated_remark(interaction.lang)
    return Response(modal=secret_modal(interaction.lang, webhook, secret.reveal(), remark))


async def revoke(context: Context, interaction: Interaction) -> Response:
    """It was asked before."""
    actor = await context.actor(interaction, fresh=True)
    webhook = await service(context).revoke(actor, WebhookId(interaction.request.value))
    if webhook is None:
        return await _listed(context, interaction, webhook_gone_remark)
    return await _listed(context, interaction, lambda lang: webhook_revoked_remark(lang, webhook))


async def _listed(
    context: Context,
    interaction: Interaction,
    remark: Callable[[Language], str] = lambda _: "",
    *,
    start: int = 0,
) -> Response:
    actor = await context.actor(interaction)
    rows = await service(context).overview(actor)
    lang = interaction.lang
    return Response(modal=webhooks_modal(lang, rows, start=start, remark=remark(lang)))


def _said(lang: Language, webhook: Webhook, tested: Tested | None) -> str:
    if tested is None:
        return untested_remark(lang)
    return tested_remark(lang, webhook, tested.answer.in_a_word, is_taken=tested.answer.is_taken)


def service(context: Context) -> ProgramWebhooks:
    """Raises ``ProgramsOff``."""
    if context.services.program_webhooks is None:
        raise ProgramsOff
    return context.services.program_webhooks


def _spec(interaction: Interaction) -> WebhookSpec:
    fields = interaction.request.fields
    return WebhookSpec(
        name=fields.get(NAME_BLOCK, ""),
        url=Secret(fields.get(URL_BLOCK, "").strip()),
        channels=chosen_in(fields),
        is_for_team=fields.get(SCOPE_BLOCK) == ALL_TEAM,
        once=interaction.request.value,
    )


def _changes(interaction: Interaction) -> WebhookChanges:
    """An address that is not typed stays, and so do inboxes that the form could not show."""
    fields = interaction.request.fields
    url, scope = fields.get(URL_BLOCK, "").strip(), fields.get(SCOPE_BLOCK)
    return WebhookChanges(
        name=fields.get(NAME_BLOCK, ""),
        url=Secret(url) if url else None,
        is_for_team=scope == ALL_TEAM if scope else None,
        channels=chosen_in(fields),
    )
