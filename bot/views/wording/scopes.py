"""What permissions and the operator's features are called, what they allow, and why they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bot.domain.features import Feature
from bot.views.i18n import Language
from bot.views.text import shown

_LONGEST_NAME: Final = 40
_LONGEST_REASON: Final = 150
_NAMED: Final = 10


def feature_name(lang: Language, feature: Feature) -> str:
    return shown(feature.name.for_(lang.code), _LONGEST_NAME)


def feature_names(lang: Language, features: Sequence[Feature]) -> str:
    names = lang.listed(feature_name(lang, one) for one in features[:_NAMED])
    rest = len(features) - _NAMED
    return names if rest <= 0 else lang.say("{features} and {n} more", features=names, n=rest)


def feature_reason(lang: Language, feature: Feature) -> str:
    """``for CRM: to log what customers write``."""
    reason = shown(feature.reason.for_(lang.code), _LONGEST_REASON)
    return lang.say("for {feature}: {reason}", feature=feature_name(lang, feature), reason=reason)


def lacking_in_short(lang: Language, lacking: Sequence[Feature]) -> str:
    """Quietly, in a list: nothing is broken."""
    return lang.say("Needs a reconnect for {features}", features=feature_names(lang, lacking))


def lacking_words(lang: Language, lacking: Sequence[Feature], at: str) -> str:
    """What works, what does not, and the way to it."""
    missing = lang.count(
        "{features} cannot use this inbox yet: a permission is missing at {company}.",
        "These cannot use this inbox yet, because permissions are missing at {company}: {features}.",
        len(lacking),
        features=feature_names(lang, lacking),
        company=at,
    )
    way = (
        lang.say("Reconnect and leave no box unticked.")
        if at == "Google"  # the only one that has boxes
        else lang.say("Reconnect and accept every permission.")
    )
    return lang.together(missing, way)


# ruff: noqa: PLR0911 - one return per case is how a closed set reads best


_GOOGLE: Final = "https://www.googleapis.com/auth/"
_SIGN_IN: Final = frozenset(
    {"openid", "email", "profile", "userinfo.email", "userinfo.profile", "User.Read", "offline_access"}
)
_MAILBOX: Final = frozenset({"gmail.labels", "gmail.metadata", "Mail.ReadBasic", "Mail.ReadBasic.Shared"})


def scope_words(lang: Language, scope: str, features: Sequence[Feature] = ()) -> tuple[str, str]:
    """What the permission allows, and why it is asked for: by us, and for those ``features``."""
    name = scope.removeprefix(_GOOGLE)
    theirs = [feature_reason(lang, one) for one in features if one.needs(scope)]
    what, ours = _ours(lang, name, is_shared=bool(theirs))
    reasons = " · ".join(filter(None, [ours, *theirs]))
    return what, reasons or lang.say("nothing that is switched on needs it")


def scope_lines(
    lang: Language, scopes: Iterable[str], features: Sequence[Feature] = ()
) -> list[tuple[str, str]]:
    """What all these permissions allow, each said once, in a steady order: our own first."""
    return list(dict.fromkeys(scope_words(lang, scope, features) for scope in sorted(scopes, key=_weight)))


def _ours(lang: Language, name: str, *, is_shared: bool) -> tuple[str, str]:
    """What it allows, and why we ask for it ourselves; empty if we don't. A permission that is shared with a
    feature may be used for more than we promise."""
    works = lang.say("to check that the mailbox works")
    match name:
        case "openid" | "email" | "userinfo.email":
            return (
                lang.say("See the account's e-mail address"),
                lang.say("to be sure that it is the right mailbox"),
            )
        case "profile" | "userinfo.profile":
            return lang.say("See the account's name"), lang.say("to show whose mailbox it is")
        case "offline_access":
            return (
                lang.say("Keep this access until you end it"),
                lang.say("to check the mailbox when you are away, too"),
            )
        case "gmail.labels" if is_shared:
            return lang.say("See and edit the mailbox's labels"), works
        case "gmail.labels":
            return (
                lang.say("See and edit the mailbox's labels"),
                lang.say("to check that the mailbox works; labels are never changed, mail is never read"),
            )
        case "gmail.metadata":
            return lang.say("See labels and message headers, never the text of a message"), works
        case other:
            return _microsoft(lang, other, works if is_shared else "")


def _microsoft(lang: Language, name: str, works: str) -> tuple[str, str]:
    """``works`` stands in for a promise that only we can keep."""
    match name:
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
                works
                or lang.say("to check that the mailbox works; only the inbox folder itself is looked up"),
            )
        case "Mail.ReadBasic.Shared":
            return (
                lang.say("See folders and message headers of shared mailboxes, never the text of a message"),
                lang.say("to check that the shared mailbox works"),
            )
        case other:
            return _allowed(lang, other), ""


def _allowed(lang: Language, name: str) -> str:
    """What only features ask for; the scope's own name where we have no words for it."""
    match name.removesuffix(".Shared"):
        case "gmail.readonly" | "Mail.Read":
            return lang.say("Read mail")
        case "gmail.modify" | "Mail.ReadWrite":
            return lang.say("Read and change mail")
        case "https://outlook.office.com/IMAP.AccessAsUser.All":
            return lang.say("Read, change and delete mail")
        case "gmail.send" | "Mail.Send" | "https://outlook.office.com/SMTP.Send":
            return lang.say("Send mail")
        case "gmail.compose":
            return lang.say("Write drafts and send mail")
        case "https://mail.google.com/":
            return lang.say("Read, change, send and delete mail")
        case "calendar.readonly" | "Calendars.Read":
            return lang.say("See calendars")
        case "calendar" | "calendar.events" | "Calendars.ReadWrite":
            return lang.say("See and change calendars")
        case "contacts.readonly" | "Contacts.Read":
            return lang.say("See contacts")
        case _:
            return shown(name, 60)


def _weight(scope: str) -> tuple[int, str]:
    name = scope.removeprefix(_GOOGLE)
    return (0 if name in _SIGN_IN else 1 if name in _MAILBOX else 2, name)
