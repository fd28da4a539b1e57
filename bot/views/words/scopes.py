"""What permissions allow and why they are asked for, in words instead of scope names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bot.views.language import Language
from bot.views.text import shown

_GOOGLE: Final = "https://www.googleapis.com/auth/"
_SIGN_IN: Final = frozenset({"openid", "email", "profile", "userinfo.email", "userinfo.profile", "User.Read"})


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
            return _microsoft(lang, other)


def _microsoft(lang: Language, scope: str) -> tuple[str, str]:
    match scope:
        case "User.Read":
            return (
                lang.say("See the account's name and addresses"),
                lang.say("to be sure that it is the right mailbox"),
            )
        case "User.ReadBasic.All":
            return (
                lang.say("See names and addresses in the organisation's directory"),
                lang.say("to find the shared mailbox there"),
            )
        case "Mail.ReadBasic":
            return (
                lang.say("See the mailbox's folders and message headers, never the text of a message"),
                lang.say("to check that the mailbox works; only the inbox folder itself is looked up"),
            )
        case "Mail.ReadBasic.Shared":
            return (
                lang.say("The same for mailboxes that are shared with the account"),
                lang.say("to check that the shared mailbox works"),
            )
        case other:
            return _feature(lang, other), lang.say("because a feature that is switched on needs it")


def _feature(lang: Language, scope: str) -> str:
    match scope:
        case "gmail.readonly" | "Mail.Read":
            return lang.say("Read mail")
        case "gmail.modify" | "Mail.ReadWrite":
            return lang.say("Read and change mail")
        case "gmail.send" | "Mail.Send":
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
    return (name not in _SIGN_IN, name)
