"""What each role is called, and what whoever holds it may do."""

from __future__ import annotations

from bot.domain.access import Role
from bot.views.language import Language


def role_words(lang: Language, role: Role) -> tuple[str, str]:
    """The role's name, and what it allows."""
    match role:
        case Role.SUPER_ADMIN:
            return (
                lang.say("Super admins"),
                lang.say(
                    "do everything with team addresses, see, disable and remove every inbox, choose admins"
                ),
            )
        case Role.ACCOUNT_ACCESS:
            return (
                lang.say("Account access"),
                lang.say("do everything with team addresses"),
            )
        case Role.OWNER:
            return lang.say("Owners"), lang.say("do everything with their own inbox")
        case Role.ADDRESSEE:
            return (
                lang.say("Whose address it is in Slack"),
                lang.say("see, disable and remove an inbox that somebody else connected with it"),
            )
        case Role.MEMBER:
            return (
                lang.say("Members"),
                lang.say("see and reconnect team addresses; an admin must agree to everything else"),
            )
