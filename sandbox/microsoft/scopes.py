"""What an app can ask of the local Microsoft.

Rule: a scope is known by its short name, with or without Graph's address before it.
"""

from __future__ import annotations

from dataclasses import dataclass

GRAPH = "https://graph.microsoft.com/"
EXCHANGE = "https://outlook.office.com/"
IMAP, SMTP = f"{EXCHANGE}IMAP.AccessAsUser.All", f"{EXCHANGE}SMTP.Send"
OPENID, PROFILE, EMAIL, OFFLINE = "openid", "profile", "email", "offline_access"
SIGN_IN = frozenset({OPENID, PROFILE, EMAIL, OFFLINE})
"""Not of Graph: never written with its address."""


class UnknownScope(ValueError):
    """The app asked for something that does not exist here."""


@dataclass(frozen=True)
class Scope:
    """A permission, in the words of the consent page."""

    name: str
    english: str
    japanese: str
    admin_by_default: bool = False
    """Whether Microsoft leaves it to admins unless they decided otherwise."""
    work_only: bool = False
    """Whether personal accounts do not have it at all."""

    def words(self, language: str) -> str:
        return self.japanese if language == "ja" else self.english


SCOPES = {
    scope.name: scope
    for scope in (
        Scope(OPENID, "Sign you in", "サインインする"),
        Scope(PROFILE, "View your basic profile", "基本プロファイルを表示する"),
        Scope(EMAIL, "View your email address", "メール アドレスを表示する"),
        Scope(
            OFFLINE,
            "Maintain access to data you have given it access to",
            "アクセスを許可したデータへのアクセスを維持する",
        ),
        Scope("User.Read", "Sign you in and read your profile", "サインインとプロファイルの読み取り"),
        Scope(
            "User.ReadBasic.All",
            "Read all users' basic profiles",
            "すべてのユーザーの基本プロファイルの読み取り",
            work_only=True,
        ),
        Scope("Mail.ReadBasic", "Read your basic mail", "メールの基本情報の読み取り", admin_by_default=True),
        Scope("Mail.Read", "Read your mail", "メールの読み取り", admin_by_default=True),
        Scope("Mail.Send", "Send mail as you", "あなたとしてメールを送信"),
        Scope(
            IMAP,
            "Read and write access to your mail via IMAP",
            "IMAP 経由でのメールの読み取りと書き込み",
            admin_by_default=True,
        ),
        Scope(SMTP, "Send emails from your mailbox using SMTP AUTH", "SMTP AUTH を使用したメールの送信"),
        Scope(
            "Mail.ReadBasic.Shared",
            "Read basic mail you can access",
            "アクセスできる共有メールの基本情報の読み取り",
            admin_by_default=True,
            work_only=True,
        ),
        Scope(
            "Mail.Read.Shared",
            "Read mail you can access",
            "アクセスできる共有メールの読み取り",
            admin_by_default=True,
            work_only=True,
        ),
        Scope(
            "MailboxSettings.Read",
            "Read your mailbox settings",
            "メールボックスの設定の読み取り",
            admin_by_default=True,
        ),
    )
}

READS_OWN_MAIL = frozenset({"Mail.ReadBasic", "Mail.Read", "Mail.ReadBasic.Shared", "Mail.Read.Shared"})
READS_SHARED_MAIL = frozenset({"Mail.ReadBasic.Shared", "Mail.Read.Shared"})
_BY_FOLDED_NAME = {name.casefold(): name for name in SCOPES}


def parse(raw: str) -> tuple[str, ...]:
    """The scopes of a request under their short names, each once; names ignore case.

    Raises UnknownScope.
    """
    names = dict.fromkeys(
        _BY_FOLDED_NAME.get(_short(word).casefold()) or _unknown(word) for word in raw.split()
    )
    return tuple(names)


def needs_admin(scopes: frozenset[str]) -> frozenset[str]:
    """Those that Microsoft leaves to admins by default."""
    return frozenset(name for name in scopes if SCOPES[name].admin_by_default)


def work_only_among(scopes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in scopes if SCOPES[name].work_only)


def full_name(name: str) -> str:
    """With Graph's address before it, where that belongs."""
    return name if name in SIGN_IN or name.startswith(EXCHANGE) else GRAPH + name


def resources(scopes: frozenset[str]) -> frozenset[str]:
    """Whose they are, those of the sign-in apart."""
    return frozenset(EXCHANGE if one.startswith(EXCHANGE) else GRAPH for one in scopes - SIGN_IN)


def not_valid(name: str) -> str:
    """Microsoft's words about a scope that it does not have."""
    about = "The provided value for the input parameter 'scope' is not valid."
    return f"{about} The scope '{name}' is not valid."


def _short(word: str) -> str:
    short = word.removeprefix(GRAPH)
    return word if short in SIGN_IN else short


def _unknown(word: str) -> str:
    raise UnknownScope(word)
