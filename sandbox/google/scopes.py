"""What an app can ask of the local Google.

Rule: scopes are reported as Google reports them, in full and with `openid`.
"""

from __future__ import annotations

from dataclasses import dataclass

AUTH = "https://www.googleapis.com/auth/"
OPENID = "openid"
EMAIL = AUTH + "userinfo.email"
PROFILE = AUTH + "userinfo.profile"
FULL_MAIL = "https://mail.google.com/"
SHORT_NAMES = {"email": EMAIL, "profile": PROFILE}
IDENTITY = frozenset({OPENID, EMAIL, PROFILE})


class UnknownScope(ValueError):
    """The app asked for something that does not exist here."""


@dataclass(frozen=True)
class MailScope:
    """A permission on the mailbox, in the words of the consent page."""

    name: str
    english: str
    japanese: str

    @property
    def short(self) -> str:
        """The part a person would type: `gmail.labels`."""
        return self.name.removeprefix(AUTH).removeprefix("https://").rstrip("/")

    def words(self, language: str) -> str:
        return self.japanese if language == "ja" else self.english


MAIL_SCOPES = {
    scope.name: scope
    for scope in (
        MailScope(
            AUTH + "gmail.labels", "See and edit the labels of your mailbox", "メールのラベルの表示と編集"
        ),
        MailScope(
            AUTH + "gmail.metadata",
            "See who writes to you and when, but not what they write",
            "メールの宛先や日時の表示（本文は除く）",
        ),
        MailScope(AUTH + "gmail.readonly", "Read your mail and its settings", "メールと設定の閲覧"),
        MailScope(AUTH + "gmail.compose", "Write drafts and send mail", "下書きの作成とメールの送信"),
        MailScope(AUTH + "gmail.send", "Send mail in your name", "あなたの名前でのメールの送信"),
        MailScope(AUTH + "gmail.modify", "Read, write and send your mail", "メールの閲覧・作成・送信"),
        MailScope(
            FULL_MAIL, "Do everything with your mail, and delete it", "メールのすべての操作と完全な削除"
        ),
    )
}

MAY_GET_PROFILE = frozenset(
    {FULL_MAIL, *(AUTH + f"gmail.{name}" for name in ("compose", "metadata", "modify", "readonly"))}
)
MAY_LIST_LABELS = frozenset(
    {FULL_MAIL, *(AUTH + f"gmail.{name}" for name in ("labels", "metadata", "modify", "readonly"))}
)


def parse(raw: str) -> tuple[str, ...]:
    """The scopes of a request under their full names, each once.

    Raises UnknownScope.
    """
    names = dict.fromkeys(SHORT_NAMES.get(word, word) for word in raw.split())
    unknown = [name for name in names if name not in IDENTITY and name not in MAIL_SCOPES]
    if unknown:
        raise UnknownScope(" ".join(unknown))
    if names.keys() & IDENTITY:
        names.setdefault(OPENID)
    return tuple(names)


def mail_among(scopes: tuple[str, ...]) -> tuple[MailScope, ...]:
    """Those a person may untick; who they are is not among them."""
    return tuple(MAIL_SCOPES[name] for name in scopes if name in MAIL_SCOPES)


def full_name(name: str) -> str:
    """`gmail.labels` and its URL are the same scope. Raises UnknownScope."""
    for scope in MAIL_SCOPES.values():
        if name in (scope.name, scope.short):
            return scope.name
    raise UnknownScope(name)
