"""A role was given or taken: to whose it is, and to who did it, with the way back."""

from __future__ import annotations

from typing import Final

from bot.domain.access import Role, RoleChange
from bot.views.blocks import Message, actions, button, mention, message, section
from bot.views.language import Language
from bot.views.models import NoticePicture
from bot.views.notices.quiet import quiet
from bot.views.setup import people
from bot.views.words.roles import role_words

ADMINS_UNDO: Final = "admins.undo"
"""Carries the change."""


def role_changed_notice(lang: Language, picture: NoticePicture) -> Message:
    """What changed for this reader, or what they did; later, that it was undone."""
    change, reader = picture.role_change, picture.notice.recipient
    if change is None:
        return quiet(lang.say("There is nothing to do any more."))
    own = _own(lang, change) if reader == change.actor else _theirs(lang, change, reader)
    if change.undone_by:
        undone = lang.say("{who} undid it.", who=mention(change.undone_by))
        return quiet("↩️ " + lang.together(own, undone))
    said = f"{'↩️' if change.undoes else '🔑'} {own}"
    lines = [said, *_means(lang, change, reader), *_along(lang, change, reader)]
    if reader != change.actor and not picture.may_undo:
        who = mention(change.actor)
        lines.append(lang.say("If that is a mistake, talk to {who}.", who=who))
    undo = [button(lang.say("Undo"), ADMINS_UNDO, value=change.id)] if picture.may_undo else []
    return message(said, [section("\n".join(lines)), *actions(*undo)])


def _own(lang: Language, change: RoleChange) -> str:
    whom = holder(change.subject)
    if change.role is Role.SUPER_ADMIN:
        if change.is_given:
            return lang.say("You made {whom} a super admin.", whom=whom)
        return lang.say("You took {whom} off the super admins.", whom=whom)
    if change.is_given:
        return lang.say("You gave {whom} account access.", whom=whom)
    return lang.say("You took account access from {whom}.", whom=whom)


def _theirs(lang: Language, change: RoleChange, reader: str) -> str:
    """By what their highest role was before and is since."""
    who = mention(change.actor)
    before, after = next((pair for one, pair in change.people.items() if one == reader), _NOTHING)
    if after is Role.SUPER_ADMIN:
        return lang.say("{who} made you a super admin.", who=who)
    if before is Role.SUPER_ADMIN and after is Role.ACCOUNT_ACCESS:
        return lang.say("{who} took you off the super admins. You keep account access.", who=who)
    if before is Role.SUPER_ADMIN:
        return lang.say("{who} took you off the super admins.", who=who)
    if after is Role.ACCOUNT_ACCESS:
        return lang.say("{who} gave you account access.", who=who)
    return lang.say("{who} took your account access away.", who=who)


_NOTHING: Final = (Role.ACCOUNT_ACCESS, Role.MEMBER)


def _means(lang: Language, change: RoleChange, reader: str) -> list[str]:
    """What this reader may do from now on, where it is theirs."""
    after = next((pair[1] for one, pair in change.people.items() if one == reader), None)
    if after is None or reader == change.actor:
        return []
    if after in {Role.SUPER_ADMIN, Role.ACCOUNT_ACCESS}:
        told = lang.say("You are told when a team address stops working.")
    else:
        told = lang.say("You are no longer told when a team address stops working, unless you connected it.")
    return [lang.say("From now on you may: {what}.", what=role_words(lang, after)[1]), told]


def _along(lang: Language, change: RoleChange, reader: str) -> list[str]:
    if not change.along or reader != change.actor or change.undone_by:
        return []
    return [lang.say("Super admins as before: {people}.", people=people(lang, change.along))]


def holder(subject: str) -> str:
    """A person, or everybody in a Slack user group."""
    is_group = subject.startswith("S") and subject.isalnum() and subject.isascii()
    return f"<!subteam^{subject}>" if is_group else mention(subject)
