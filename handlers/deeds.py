"""What is done about one channel, whether it was asked for in words, by a button or by a form.

The one rule: each function is told the channel as it is now and an actor whose rights were just read.
"""

from __future__ import annotations

from typing import Any

from bot.domain.access import Actor, Deed, may
from bot.domain.channel import Channel, State
from bot.domain.errors import NotAllowed, OutOfDate
from bot.domain.picture import Removal
from bot.services.connecting import Begun
from bot.views.blocks import escape
from bot.views.language import Language
from bot.views.modals import (
    consent_modal,
    disable_modal,
    disabled_modal,
    disconnect_modal,
    enabled_modal,
    remove_modal,
    removed_modal,
)
from bot.views.replies import enabled_message
from bot.views.status import status_message
from bot.views.words import refusal_words
from handlers.desk import Desk
from handlers.reply import Reply, Turn, noted


async def show_status(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    status = await desk.channels.status(actor, channel.id)
    return Reply(message=status_message(turn.lang, status, now=desk.clock()), replaces=True)


async def offer_disconnect(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    _check(actor, Deed.REMOVE, channel)
    label = desk.channels.provider_label(channel.provider)
    return Reply(modal=disconnect_modal(turn.lang, channel, provider_label=label))


async def offer_disable(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """Ask before disabling. A channel that is disabled already is shown as such."""
    _check(actor, Deed.DISABLE, channel)
    if channel.state is State.DISABLED:
        return Reply(modal=disabled_modal(turn.lang, channel))
    label = desk.channels.provider_label(channel.provider)
    return Reply(modal=disable_modal(turn.lang, channel, provider_label=label))


async def offer_remove(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """Ask before removing, and say what will stop at the provider."""
    return Reply(modal=_remove_form(turn.lang, await desk.channels.before_removal(actor, channel.id)))


async def disable(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    channel = await desk.channels.disable(actor, channel.id)
    desk.home.refresh(actor.id)
    return Reply(modal=disabled_modal(turn.lang, channel))


async def enable(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """Enable and say what the check showed."""
    channel = await desk.channels.enable(actor, channel.id)
    desk.home.refresh(actor.id)
    label = desk.channels.provider_label(channel.provider)
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


def consent(desk: Desk, turn: Turn, begun: Begun) -> Reply:
    """What will be asked for, and the one button that opens the browser. The modal waits for the outcome."""

    async def waits(view_id: str) -> None:
        await desk.connecting.waits_in(begun.ticket_id, view_id)

    view = consent_modal(
        turn.lang,
        address=begun.address,
        provider_label=begun.provider_label,
        scopes=begun.scopes,
        url=begun.url,
        reconnect=begun.reconnect,
    )
    return Reply(modal=view, then=waits)


# --- the channel has changed since the button or the form was drawn


async def disable_after_all(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    reply = await offer_disable(desk, turn, actor, channel)
    return reply if channel.state is State.DISABLED else _remarked(turn.lang, reply)


async def remove_after_all(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    return _remarked(turn.lang, await offer_remove(desk, turn, actor, channel))


async def status_after_all(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    return _remarked(turn.lang, await show_status(desk, turn, actor, channel))


def _remarked(lang: Language, reply: Reply) -> Reply:
    """The present state, and why nothing was done yet."""
    words = refusal_words(lang, OutOfDate())
    remark = (f"*{escape(words.title)}*", escape(words.text), escape(words.next_step))
    return Reply(
        message=noted(reply.message, *remark) if reply.message else None,
        modal=noted(reply.modal, *remark) if reply.modal else None,
        replaces=reply.replaces,
    )


def _remove_form(lang: Language, removal: Removal) -> dict[str, Any]:
    return remove_modal(
        lang,
        removal.channel,
        provider_label=removal.provider_label,
        shared_here=removal.shared_here,
        shared_elsewhere=removal.shared_elsewhere,
    )


def _check(actor: Actor, deed: Deed, channel: Channel) -> None:
    """Refuse before asking; the service decides again when it is done."""
    if not may(actor, deed, channel):
        raise NotAllowed(deed.value, (channel.owner_id,) if channel.owner_id else ())
