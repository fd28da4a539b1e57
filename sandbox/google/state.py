"""What the local Google remembers: who lives there, what apps may ask of them, which codes and tokens are
out.

Rule: state only; every decision is taken in the endpoint that answers. An account is its `sub`: its addresses
may change, that number never does. Every token belongs to one account's grant, and dies with it. Scopes are
reported as Google reports them, in full and with `openid`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sandbox.faults import Faults
from sandbox.keys import SigningKey

AUTH = "https://www.googleapis.com/auth/"
OPENID = "openid"
EMAIL = AUTH + "userinfo.email"
PROFILE = AUTH + "userinfo.profile"
FULL_MAIL = "https://mail.google.com/"
_SHORT_NAMES = {"email": EMAIL, "profile": PROFILE}
_IDENTITY = frozenset({OPENID, EMAIL, PROFILE})


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
    names = dict.fromkeys(_SHORT_NAMES.get(word, word) for word in raw.split())
    unknown = [name for name in names if name not in _IDENTITY and name not in MAIL_SCOPES]
    if unknown:
        raise UnknownScope(" ".join(unknown))
    if names.keys() & _IDENTITY:
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


CONSUMER_DOMAINS = frozenset({"gmail.com", "googlemail.com"})

RESIDENTS = (
    ("alice@acme.example", "Alice Archer"),
    ("kenji@acme.example", "Kenji Mori"),
    ("sakura@acme.example", "Sakura Sato"),
    ("omar@acme.example", "Omar Haddad"),
    ("support@acme.example", "Acme Support"),
    ("sales@acme.example", "Acme Sales"),
    ("alice.private@gmail.com", "Alice (private)"),
)


@dataclass(frozen=True)
class Account:
    """One Google account; `aliases` receive mail for it but are never reported as its address."""

    sub: str
    email: str
    name: str
    aliases: frozenset[str] = frozenset()

    @property
    def hosted_domain(self) -> str | None:
        """The Workspace domain (the `hd` claim); consumer accounts have none."""
        domain = self.email.rpartition("@")[2]
        return None if domain in CONSUMER_DOMAINS else domain

    def answers_to(self, name: str) -> bool:
        """Whether somebody writing `name` (an address, an alias or the `sub`) means this account."""
        folded = name.strip().casefold()
        return folded in (self.email, self.sub) or folded in self.aliases


class Accounts:
    """Everybody who can sign in here."""

    def __init__(self) -> None:
        self._by_sub: dict[str, Account] = {}
        for email, name in RESIDENTS:
            self.add(email, name)

    def __iter__(self) -> Iterator[Account]:
        return iter(tuple(self._by_sub.values()))

    def add(self, email: str, name: str = "") -> Account:
        """Open an account. Raises ValueError when the address is taken."""
        address = self._free_address(email)
        account = Account(sub=self._new_sub(address), email=address, name=name or address.partition("@")[0])
        self._by_sub[account.sub] = account
        return account

    def find(self, name: str) -> Account | None:
        """The account known by this address, alias or `sub`."""
        return next((account for account in self if account.answers_to(name)), None)

    def by_sub(self, sub: str) -> Account:
        return self._by_sub[sub]

    def rename(self, name: str, to: str) -> Account:
        """Give an account another primary address; it stays the same account."""
        return self._replace(replace(self._known(name), email=self._free_address(to)))

    def add_alias(self, name: str, alias: str) -> Account:
        """Let an account receive mail for one more address."""
        account = self._known(name)
        return self._replace(replace(account, aliases=account.aliases | {self._free_address(alias)}))

    def _known(self, name: str) -> Account:
        account = self.find(name)
        if account is None:
            raise ValueError(f"no account {name}")
        return account

    def _replace(self, account: Account) -> Account:
        self._by_sub[account.sub] = account
        return account

    def _free_address(self, email: str) -> str:
        address = email.strip().casefold()
        if address.count("@") != 1 or self.find(address) is not None:
            raise ValueError(f"not a free address: {email}")
        return address

    def _new_sub(self, address: str) -> str:
        """A number that is the same after every restart, and new when an address gets a new owner."""
        for generation in range(1000):
            digest = hashlib.sha256(f"{address}/{generation}".encode()).digest()
            sub = f"1{int.from_bytes(digest) % 10**20:020d}"
            if sub not in self._by_sub:
                return sub
        raise ValueError(f"too many accounts have been {address}")


CODE_LIFE = timedelta(minutes=10)
ACCESS_LIFE = timedelta(hours=1)
IDLE_LIFE = timedelta(days=180)
_REFRESH_TOKENS_PER_ACCOUNT = 100


@dataclass(frozen=True)
class Code:
    """An authorization code and everything it is bound to."""

    client_id: str
    redirect_uri: str
    sub: str
    scopes: tuple[str, ...]
    offline: bool
    nonce: str
    challenge: str
    challenge_method: str


@dataclass
class RefreshToken:
    """``passes_left`` is set once the grant was revoked but the news is still travelling, ``is_spent`` once
    it was rotated. ``family``: the text of the first that came from the same consent."""

    text: str
    client_id: str
    sub: str
    scopes: tuple[str, ...]
    used_at: datetime
    passes_left: int | None = None
    is_spent: bool = False
    family: str = ""

    @property
    def reads_mail(self) -> bool:
        return any(name in MAIL_SCOPES for name in self.scopes)


@dataclass(frozen=True)
class AccessToken:
    """``parent`` is the refresh token it came from, if there was one."""

    text: str
    sub: str
    scopes: tuple[str, ...]
    parent: RefreshToken | None
    expires_at: datetime

    @property
    def is_doomed(self) -> bool:
        return self.parent is not None and self.parent.passes_left is not None


class Ledger:
    """Everything the local Google has handed out to one project."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._codes: dict[str, tuple[Code, datetime]] = {}
        self._refresh: dict[str, RefreshToken] = {}
        self._access: dict[str, AccessToken] = {}
        self._owners: dict[str, str] = {}
        self._offline_before: set[tuple[str, str]] = set()

    def owner_of(self, text: str) -> str | None:
        """Whose code or token this is or was: the dead are remembered too."""
        return self._owners.get(text)

    def issue_code(self, code: Code) -> str:
        text = "4/0" + secrets.token_urlsafe(40)
        self._codes[text] = (code, self._clock() + CODE_LIFE)
        self._owners[text] = code.sub
        return text

    def spend_code(self, text: str) -> Code | None:
        """The code's meaning, once and in time."""
        code, expires_at = self._codes.pop(text, (None, self._clock()))
        return code if self._clock() < expires_at else None

    def is_first_offline(self, client_id: str, sub: str) -> bool:
        """Whether this account never gave this client offline access since the last revocation."""
        return (client_id, sub) not in self._offline_before

    def issue_refresh(self, code: Code) -> RefreshToken:
        """Hand out a refresh token; the oldest beyond the hundredth dies without a word."""
        token = RefreshToken(
            "1//0" + secrets.token_urlsafe(60), code.client_id, code.sub, code.scopes, self._clock()
        )
        token.family = token.text
        self._refresh[token.text] = token
        self._owners[token.text] = code.sub
        self._offline_before.add((code.client_id, code.sub))
        same = [t for t in self._refresh.values() if (t.client_id, t.sub) == (code.client_id, code.sub)]
        for oldest in same[:-_REFRESH_TOKENS_PER_ACCOUNT]:
            del self._refresh[oldest.text]
        return token

    def issue_access(self, sub: str, scopes: tuple[str, ...], parent: RefreshToken | None) -> AccessToken:
        text = "ya29." + secrets.token_urlsafe(60)
        token = AccessToken(text, sub, scopes, parent, expires_at=self._clock() + ACCESS_LIFE)
        self._access[token.text] = token
        self._owners[token.text] = sub
        return token

    def use_refresh(self, text: str) -> RefreshToken | None:
        """The live refresh token, its idle clock reset; a revoked one passes only while the news travels."""
        token = self._refresh.get(text)
        if token is None or self._clock() - token.used_at > IDLE_LIFE:
            return None
        if token.is_spent:
            self._end_family(token.family)
            return None
        if token.passes_left is not None:
            token.passes_left -= 1
            if token.passes_left < 0:
                self._bury_doomed(token.sub)
                return None
        token.used_at = self._clock()
        return token

    def rotate(self, token: RefreshToken) -> RefreshToken:
        """A new token in place of one that was just used. Whoever shows the old one again ends them all: one
        of the two who hold it is a thief (RFC 9700 §4.14.2)."""
        heir = replace(token, text="1//0" + secrets.token_urlsafe(60))
        token.is_spent = True
        self._refresh[heir.text] = heir
        self._owners[heir.text] = heir.sub
        return heir

    def _end_family(self, family: str) -> None:
        self._refresh = {text: token for text, token in self._refresh.items() if token.family != family}
        self._access = {
            text: token
            for text, token in self._access.items()
            if token.parent is None or token.parent.family != family
        }

    def live_access(self, text: str) -> AccessToken | None:
        token = self._access.get(text)
        return token if token and self._clock() < token.expires_at else None

    def is_live(self, text: str) -> bool:
        token = self._refresh.get(text)
        return (token is not None and not token.is_spent) or self.live_access(text) is not None

    def end_grant(self, sub: str, *, lag: int = 0) -> None:
        """End everything the account gave to the project, at once or after ``lag`` more refreshes."""
        self._offline_before = {pair for pair in self._offline_before if pair[1] != sub}
        if lag:
            for token in self.refresh_tokens(sub):
                token.passes_left = lag if token.passes_left is None else token.passes_left
            return
        self._codes = {text: kept for text, kept in self._codes.items() if kept[0].sub != sub}
        self._refresh = {text: token for text, token in self._refresh.items() if token.sub != sub}
        self._access = {text: token for text, token in self._access.items() if token.sub != sub}

    def drop_mail_tokens(self, sub: str) -> None:
        """What a changed password does: refresh tokens that reach mail die, others live on."""
        for token in self.refresh_tokens(sub):
            if token.reads_mail:
                del self._refresh[token.text]
        self._access = {text: token for text, token in self._access.items() if token.sub != sub}

    def _bury_doomed(self, sub: str) -> None:
        """The news has arrived: what was revoked is gone, what was consented to since lives on."""
        self._access = {
            t: token for t, token in self._access.items() if token.sub != sub or not token.is_doomed
        }
        for token in self.refresh_tokens(sub):
            if token.passes_left is not None:
                del self._refresh[token.text]

    def refresh_tokens(self, sub: str) -> list[RefreshToken]:
        return [token for token in self._refresh.values() if token.sub == sub and not token.is_spent]


@dataclass
class Client:
    """An OAuth client of the project."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]


@dataclass
class State:
    """One Cloud project and the accounts that may grant it access."""

    clock: Callable[[], datetime]
    project: str
    app_name: str
    issuer: str
    clients: dict[str, Client]
    ledger: Ledger
    accounts: Accounts = field(default_factory=Accounts)
    faults: Faults = field(default_factory=Faults)
    key: SigningKey = field(default_factory=SigningKey)
    requests: Counter[str] = field(default_factory=Counter)
