"""Who is a super admin and who has account access: shown, given, taken.

The one rule: after every change the dialog is drawn from the roles as they are then, the changer's own
included.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from bot.domain.access import Actor, Role
from bot.domain.errors import OutOfDate, Refusal
from bot.domain.ids import UserId
from bot.views.blocks import escape
from bot.views.modals import admins_modal
from bot.views.words import refusal_words
from handlers.desk import Desk, Handler
from handlers.reply import Reply, Turn, noted

_ROLES: Final[Mapping[str, Role]] = {role.value: role for role in (Role.SUPER_ADMIN, Role.ACCOUNT_ACCESS)}
"""The roles that are given and taken; the others come by themselves."""

Change = Callable[[Desk, Actor, str], Awaitable[UserId | None]]
"""Changes a role; whoever it is about, if that is a person."""


async def show(desk: Desk, turn: Turn) -> Reply:
    return await _roster(desk, turn, await desk.actor(turn))


def change(how: Change) -> Handler:
    """A control of the dialog. What is refused is said in it, so that the next try is one click away."""

    async def handler(desk: Desk, turn: Turn) -> Reply:
        actor = await desk.actor(turn, fresh=True)
        remark: tuple[str, ...] = ()
        try:
            whom = await how(desk, actor, turn.asked.value)
        except Refusal as refusal:
            words = refusal_words(turn.lang, refusal).nameless
            remark = (f"*{escape(words.title)}*", escape(words.text), escape(words.next_step))
        else:
            desk.home.refresh(actor.id, *([whom] if whom else []))
        reply = await _roster(desk, turn, await desk.actor(turn))
        assert reply.modal is not None
        return Reply(modal=noted(reply.modal, *remark)) if remark else reply

    return handler


async def give_super(desk: Desk, actor: Actor, chosen: str) -> UserId | None:
    return await _give(desk, actor, Role.SUPER_ADMIN, chosen)


async def give_access(desk: Desk, actor: Actor, chosen: str) -> UserId | None:
    return await _give(desk, actor, Role.ACCOUNT_ACCESS, chosen)


async def give_group(desk: Desk, actor: Actor, chosen: str) -> UserId | None:
    """Account access for whoever is in a user group."""
    await desk.admins.give_group(actor, _needed(chosen))
    return None


async def take(desk: Desk, actor: Actor, chosen: str) -> UserId | None:
    held, _, subject = chosen.partition(":")
    role = _ROLES.get(held)
    if role is None or not subject:
        raise OutOfDate
    await desk.admins.take(actor, role, subject)
    return UserId(subject) if subject.startswith(("U", "W")) else None


async def _give(desk: Desk, actor: Actor, role: Role, chosen: str) -> UserId:
    user_id = UserId(_needed(chosen))
    await desk.admins.give(actor, role, user_id)
    return user_id


async def _roster(desk: Desk, turn: Turn, actor: Actor) -> Reply:
    return Reply(modal=admins_modal(turn.lang, await desk.admins.roster(actor)))


def _needed(chosen: str) -> str:
    if not chosen:
        raise OutOfDate  # a choice taken back
    return chosen
