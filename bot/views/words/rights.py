"""What people read when something is not theirs to do, and who could."""

# ruff: noqa: PLR0911, PLR0912 - one return per case is how a closed set reads best

from __future__ import annotations

from bot.domain.access import Deed
from bot.views.language import Language
from bot.views.words.said import Words


def not_allowed(lang: Language, what: str, who_can: tuple[str, ...]) -> Words:
    """``who_can`` are named where that is possible; ``otherwise`` says who they are."""
    otherwise = _who_else(lang, what)
    next_step = lang.say("These people can:") if who_can else otherwise
    return Words(lang.say("Not allowed"), _refused(lang, what), next_step, who_can, otherwise)


def _who_else(lang: Language, what: str) -> str:
    match what:
        case "cancel" | "go_on":
            return lang.say("Talk to them about it.")
        case "answer":
            return lang.say("Only whoever got it can answer it.")
        case Deed.ENABLE | Deed.RECONNECT | Deed.SWITCH:  # of a personal inbox: no admin can either
            return lang.say("Ask the inbox's owner.")
        case _:
            return lang.say("Ask a super admin.")


def _refused(lang: Language, what: str) -> str:
    match what:
        case Deed.DISABLE:
            return lang.say("You may not disable this inbox.")
        case Deed.ENABLE:
            return lang.say("You may not enable this inbox.")
        case Deed.REMOVE:
            return lang.say("You may not remove this inbox.")
        case Deed.RECONNECT:
            return lang.say("You may not reconnect this inbox.")
        case Deed.SEE:
            return lang.say("You may not see this inbox.")
        case Deed.SWITCH:
            return lang.say("You may not switch this inbox to another provider.")
        case Deed.TAKE_OVER:
            return lang.say("You may not make this inbox a team address.")
        case "admins":
            return lang.say("Only super admins choose admins.")
        case "approve":
            return lang.say("You may not answer this request.")
        case "cancel" | "go_on":
            return lang.say("Only whoever asked can do that.")
        case "confirm":
            return lang.say("Only super admins can confirm that.")
        case "answer":
            return lang.say("This message is somebody else's.")
        case _:
            return lang.say("You may not do that.")
