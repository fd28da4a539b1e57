"""Who decides and who is told: super admins and account access, with the controls to change them."""

from __future__ import annotations

import json
from typing import Final

from bot.domain.access import Person, Role
from bot.domain.ids import UserId
from bot.domain.view_models import PreviewShown, RosterShown, UserGroup
from bot.views.blocks import (
    Block,
    View,
    actions,
    bold,
    button,
    context,
    divider,
    inert,
    mention,
    modal,
    plain,
    section,
)
from bot.views.i18n import Language
from bot.views.text import shown
from bot.views.wording.names import more_people, role_words

ADMINS_TAKE: Final = "admins.take"
"""Carries a role and who holds it: ``account_access:U123``."""
ADMINS_GIVE_SUPER: Final = "admins.give_super"
ADMINS_GIVE_ACCESS: Final = "admins.give_access"
ADMINS_GIVE_GROUP: Final = "admins.give_group"
ADMINS_FORM: Final = "admins.form"
"""Agrees to who will be super admin: carries what ``parse_change`` reads."""

_LISTED: Final = 20
_GROUPS: Final = 100
_MANY: Final = 10


def admins_modal(lang: Language, roster: RosterShown) -> View:
    """Everybody may know whom to ask; only super admins see the controls."""
    blocks = [
        section(bold(lang.say("Who gets told")) + "\n" + _told(lang, roster)),
        divider(),
        *_supers(lang, roster),
        divider(),
        *_access(lang, roster),
        divider(),
        context(_rights(lang)),
    ]
    return modal(lang.say("Admins"), blocks, close=lang.say("Close"))


def super_admins_modal(lang: Language, preview: PreviewShown) -> View:
    """Before anything is done: everybody who will be super admin from then on."""
    who, shown_ones = mention(preview.subject), preview.super_admins[:_LISTED]
    rest = len(preview.super_admins) - len(shown_ones)
    listed = [f"• {mention(person.id)}" for person in shown_ones]
    question = (
        lang.say("Make {who} a super admin?", who=who)
        if preview.is_given
        else lang.say("Take {who} off the super admins?", who=who)
    )
    blocks = [
        section(bold(question)),
        section("\n".join([lang.say("From now on these are the super admins:"), *listed])),
        *([context(more_people(lang, rest))] if rest > 0 else []),
        *([context(_first_choice(lang))] if preview.along else []),
        context(
            lang.say(
                "Whoever gains or loses a role gets a message that names you. You can undo this for a day."
            )
        ),
    ]
    carried = {"user": preview.subject, "give": preview.is_given, "basis": preview.basis}
    return modal(
        lang.say("Admins"),
        blocks,
        submit=lang.say("Yes, change it"),
        close=lang.say("Cancel"),
        callback=ADMINS_FORM,
        metadata=json.dumps(carried, separators=(",", ":")),
    )


def _first_choice(lang: Language) -> str:
    return lang.say(
        "Until now these were the workspace's owners and admins in Slack. They stay; from "
        "now on only this list counts, whatever their role in Slack."
    )


def parse_change(text: str) -> tuple[UserId, bool, str] | None:
    """Whom it is about, whether it is given, and what was agreed to; ``None`` for anything else."""
    try:
        found = json.loads(text)
        user, give, basis = found["user"], found["give"], found["basis"]
    except (ValueError, KeyError, TypeError):
        return None
    is_whole = isinstance(user, str) and user and isinstance(give, bool) and isinstance(basis, str)
    return (UserId(user), give, basis) if is_whole else None


def _told(lang: Language, roster: RosterShown) -> str:
    n = len({person.id for person in (*roster.super_admins, *roster.account_access)})
    if not n:
        return _nobody(lang, roster)
    said = lang.count(
        "When a team address stops working, {n} person below and whoever connected it get a direct message.",
        "When a team address stops working, {n} people below and whoever connected it get a direct message.",
        n,
    )
    if n <= _MANY or not roster.may_change:
        return said
    return (
        said
        + "\n"
        + lang.say("That is a lot of people: an alarm for everybody is often nobody's. Choose fewer.")
    )


def _nobody(lang: Language, roster: RosterShown) -> str:
    nobody = lang.say("Nobody but whoever connected it is told when a team address stops working.")
    way = (
        lang.say("Choose admins below.")
        if roster.may_change
        else lang.say("Ask an owner of this Slack workspace, or whoever runs Inboxkeeper.")
    )
    return "⚠️ " + lang.together(nobody, way)


def _supers(lang: Language, roster: RosterShown) -> list[Block]:
    changes = roster.may_change and not roster.is_fixed
    removable = roster.chosen if changes else frozenset()
    return [
        section(_heading(lang, Role.SUPER_ADMIN) + "\n" + _origin(lang, roster)),
        *_people(lang, Role.SUPER_ADMIN, roster.super_admins, removable),
        *(_give_person(lang.say("Add a super admin"), ADMINS_GIVE_SUPER) if changes else []),
    ]


def _origin(lang: Language, roster: RosterShown) -> str:
    if roster.is_fixed:
        return lang.say("Whoever runs Inboxkeeper has set them; they cannot be changed here.")
    if not roster.chosen:
        return lang.say("Nobody was chosen, so they are the workspace's owners and admins in Slack.")
    return lang.say("They were chosen here.")


def _access(lang: Language, roster: RosterShown) -> list[Block]:
    changes = roster.may_change
    removable = frozenset(person.id for person in roster.account_access) if changes else frozenset()
    return [
        section(_heading(lang, Role.ACCOUNT_ACCESS)),
        *_groups(lang, roster),
        *_people(lang, Role.ACCOUNT_ACCESS, roster.account_access, removable),
        *(_give_person(lang.say("Add a person"), ADMINS_GIVE_ACCESS) if changes else []),
        *(_give_group(lang, roster.other_groups) if changes else []),
    ]


def _heading(lang: Language, role: Role) -> str:
    return bold(role_words(lang, role)[0])


def _people(lang: Language, role: Role, people: tuple[Person, ...], removable: frozenset[str]) -> list[Block]:
    if not people:
        return [context(lang.say("nobody"))]
    rest = len(people) - _LISTED
    listed = [_holder(lang, role, mention(one.id), one.id, one.id in removable) for one in people[:_LISTED]]
    return [*listed, *([context(more_people(lang, rest))] if rest > 0 else [])]


def _groups(lang: Language, roster: RosterShown) -> list[Block]:
    role = Role.ACCOUNT_ACCESS
    return [
        _holder(lang, role, _group_name(lang, group), group.id, roster.may_change)
        for group in roster.groups[:_LISTED]
    ]


def _group_name(lang: Language, group: UserGroup) -> str:
    return lang.say("Everybody in the user group {name}", name=inert(group.name, 60))


def _holder(lang: Language, role: Role, said: str, subject: str, removable: bool) -> Block:
    if not removable:
        return section(said)
    value = f"{role.value}:{subject}"
    return section(said, button(lang.say("Remove from the list"), ADMINS_TAKE, value=value, about=subject))


def _give_person(label: str, action_id: str) -> list[Block]:
    return actions({"type": "users_select", "action_id": action_id, "placeholder": plain(label)})


def _give_group(lang: Language, groups: tuple[UserGroup, ...]) -> list[Block]:
    if not groups:
        return []
    options = [
        {"text": plain(shown(group.name, 60) or group.id), "value": group.id} for group in groups[:_GROUPS]
    ]
    return actions(
        {
            "type": "static_select",
            "action_id": ADMINS_GIVE_GROUP,
            "placeholder": plain(lang.say("Add a user group")),
            "options": options,
        }
    )


def _rights(lang: Language) -> str:
    return "\n".join("• " + lang.say("{who}: {what}", who=who, what=what) for who, what in _rows(lang))


def _rows(lang: Language) -> list[tuple[str, str]]:
    return [role_words(lang, role) for role in Role]
