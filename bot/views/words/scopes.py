"""What permissions allow and why they are asked for, in words instead of scope names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bot.views.language import Language
from bot.views.text import shown

_GOOGLE: Final = "https://www.googleapis.com/auth/"


def scope_words(lang: Language, scope: str) -> tuple[str, str]:
    """What the permission allows, and what we need it for."""
    match scope.removeprefix(_GOOGLE):
        case "openid" | "email" | "userinfo.email":
            return (
                lang.say("See the account's e-mail address"),
                lang.say("to be sure that it is the right mailbox"),
            )
        case "profile" | "userinfo.profile":
            return lang.say("See the account's name"), lang.say("to show whose mailbox it is")
        case "gmail.labels":
            return (
                lang.say("See and edit the mailbox's labels"),
                lang.say("to check that the mailbox works; labels are never changed, mail is never read"),
            )
        case "gmail.metadata":
            return (
                lang.say("See labels and message headers, never the text of a message"),
                lang.say("to check that the mailbox works"),
            )
        case other:
            return _feature(lang, other), lang.say("because a feature that is switched on needs it")


def _feature(lang: Language, scope: str) -> str:
    match scope:
        case "gmail.readonly":
            return lang.say("Read mail")
        case "gmail.modify":
            return lang.say("Read and change mail")
        case "gmail.send":
            return lang.say("Send mail")
        case "https://mail.google.com/":
            return lang.say("Read, change, send and delete mail")
        case _:
            return shown(scope, 60)


def scope_lines(lang: Language, scopes: Iterable[str]) -> list[tuple[str, str]]:
    """What all these permissions allow, each said once, in a steady order."""
    return list(dict.fromkeys(scope_words(lang, scope) for scope in sorted(scopes, key=_weight)))


def _weight(scope: str) -> tuple[bool, str]:
    name = scope.removeprefix(_GOOGLE)
    return (name not in {"openid", "email", "profile", "userinfo.email", "userinfo.profile"}, name)
