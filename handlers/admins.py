"""Who is a super admin and who has account access: shown, given, taken.

The one rule: after every change the dialog is drawn from the roles as they are then, the changer's own
included.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from bot.domain.access import Actor, Role, RoleChange
from bot.domain.errors import OutOfDate, Refusal
from bot.domain.ids import UserId
from bot.services.people.admins import Preview
from bot.views.blocks import escape
from bot.views.modals import admins_modal, parse_change, super_admins_modal
from bot.views.wording import refusal_words
from handlers import hubspot
from handlers.context import Context, Handler, Interaction, Response, noted

_ROLES: Final[Mapping[str, Role]] = {role.value: role for role in (Role.SUPER_ADMIN, Role.ACCOUNT_ACCESS)}
"""The roles that are given and taken; the others come by themselves."""

Change = Callable[[Context, Actor, str], Awaitable[RoleChange | Preview | None]]
"""Changes a role, or says first what would come of it; ``None`` if nothing had to be changed."""


Pairing = Callable[[Context, Actor, Interaction], Awaitable[None]]


async def show(context: Context, interaction: Interaction) -> Response:
    return await _roster(context, interaction, await context.actor(interaction))


def change(how: Change) -> Handler:
    """A control of the dialog. What is refused is said in it, so that the next try is one click away."""

    async def handler(context: Context, interaction: Interaction) -> Response:
        actor = await context.actor(interaction, fresh=True)
        remark: tuple[str, ...] = ()
        try:
            came = await how(context, actor, interaction.request.value)
        except Refusal as refusal:
            words = refusal_words(interaction.lang, refusal).nameless
            remark = (f"*{escape(words.title)}*", escape(words.text), escape(words.next_step))
        else:
            if isinstance(came, Preview):
                return Response(modal=super_admins_modal(interaction.lang, came))
            context.home.refresh(actor.id, *(came.people if came else ()))
        reply = await _roster(context, interaction, await context.actor(interaction))
        assert reply.modal is not None
        return Response(modal=noted(reply.modal, *remark)) if remark else reply

    return handler


async def give_super(context: Context, actor: Actor, chosen: str) -> Preview:
    """Who will be super admin then is said before it is done."""
    return await context.services.admins.preview(
        actor, Role.SUPER_ADMIN, UserId(_needed(chosen)), is_given=True
    )


async def agree(context: Context, actor: Actor, carried: str) -> RoleChange | None:
    """That was read and agreed to."""
    wanted = parse_change(carried)
    if wanted is None:
        raise OutOfDate
    user_id, is_given, basis = wanted
    change_it = context.services.admins.give if is_given else context.services.admins.take
    return await change_it(actor, Role.SUPER_ADMIN, user_id, basis=basis)


async def give_access(context: Context, actor: Actor, chosen: str) -> RoleChange | None:
    return await context.services.admins.give(actor, Role.ACCOUNT_ACCESS, UserId(_needed(chosen)))


async def give_group(context: Context, actor: Actor, chosen: str) -> RoleChange | None:
    """Account access for whoever is in a user group."""
    return await context.services.admins.give_group(actor, _needed(chosen))


async def take(context: Context, actor: Actor, chosen: str) -> RoleChange | Preview | None:
    held, _, subject = chosen.partition(":")
    role = _ROLES.get(held)
    if role is None or not subject:
        raise OutOfDate
    if role is Role.SUPER_ADMIN:
        return await context.services.admins.preview(actor, role, UserId(subject), is_given=False)
    return await context.services.admins.take(actor, role, subject)


async def _roster(context: Context, interaction: Interaction, actor: Actor) -> Response:
    dialog = admins_modal(interaction.lang, await context.services.admins.roster(actor))
    theirs = await hubspot.people_blocks(context, interaction, actor)
    return Response(modal={**dialog, "blocks": [*dialog["blocks"], *theirs]})


def pairing(how: Pairing) -> Handler:
    """HubSpot's super admins in the dialog: it is drawn anew from who is who then."""

    async def handler(context: Context, interaction: Interaction) -> Response:
        actor = await context.actor(interaction, fresh=True)
        await how(context, actor, interaction)
        return await _roster(context, interaction, actor)

    return handler


def _needed(chosen: str) -> str:
    if not chosen:
        raise OutOfDate  # a choice taken back
    return chosen
