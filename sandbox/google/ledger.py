"""Codes and tokens. Rule: every token belongs to one account's grant, and dies with it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sandbox.google.scopes import MAIL_SCOPES

CODE_LIFE = timedelta(minutes=10)
ACCESS_LIFE = timedelta(hours=1)
IDLE_LIFE = timedelta(days=180)
REFRESH_TOKENS_PER_ACCOUNT = 100


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
        for oldest in same[:-REFRESH_TOKENS_PER_ACCOUNT]:
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
