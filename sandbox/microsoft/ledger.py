"""Consents, codes and tokens.

Rule: a consent is what an account allows an app; tokens come from it, and are not the same thing. Taking a
consent back does not end an access token, and a refresh token that was used once more goes on working.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.microsoft.directory import CONSUMERS, Account

CODE_LIFE = timedelta(minutes=10)
ACCESS_LIFE = timedelta(minutes=75)
IDLE_LIFE = timedelta(days=90)


@dataclass(frozen=True)
class SignIn:
    """One pass through the pages: whose it was, and what it proved."""

    client_id: str
    oid: str
    tid: str
    scopes: tuple[str, ...]
    full_names: bool
    """Whether the app wrote the scopes with Graph's address."""
    mfa: bool = False
    """Whether it was done with a second factor."""
    claims: bool = False
    """Whether it was asked for with the claims that a policy demanded."""

    @property
    def is_personal(self) -> bool:
        return self.tid == CONSUMERS


@dataclass(frozen=True)
class Code:
    """An authorization code and everything it is bound to."""

    sign_in: SignIn
    redirect_uri: str
    nonce: str
    challenge: str


@dataclass
class RefreshToken:
    """``ended``: the number with which Microsoft refuses it for good; ``is_spent``: rotated. ``family``: the
    first one's text, of all that came from one sign-in."""

    text: str
    sign_in: SignIn
    used_at: datetime
    ended: int | None = None
    is_spent: bool = False
    family: str = ""


@dataclass(frozen=True)
class AccessToken:
    """Good until it expires, whatever happens to the grant."""

    text: str
    oid: str
    scopes: frozenset[str]
    expires_at: datetime


class Ledger:
    """Everything the local Microsoft has been told and has handed out."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._consents: dict[tuple[str, str], frozenset[str]] = {}
        self._codes: dict[str, tuple[Code, datetime]] = {}
        self._spent: set[str] = set()
        self._refresh: dict[str, RefreshToken] = {}
        self._access: dict[str, AccessToken] = {}
        self._owners: dict[str, str] = {}

    def owner_of(self, text: str) -> str | None:
        """Whose code or token this is or was: the dead are remembered too."""
        return self._owners.get(text)

    # --- consents

    def consented(self, client_id: str, oid: str) -> frozenset[str]:
        """What the person allowed by themselves; what their admin allowed is the tenant's."""
        return self._consents.get((client_id, oid), frozenset())

    def consent(self, client_id: str, oid: str, scopes: frozenset[str]) -> None:
        self._consents[client_id, oid] = self.consented(client_id, oid) | scopes

    def take_back(self, account: Account) -> None:
        """The person removes the app. A personal account's tokens end with that for good."""
        self._consents = {key: kept for key, kept in self._consents.items() if key[1] != account.oid}
        if account.is_personal:
            self.end(account, 70000)

    def narrow(self, oid: str, lost: frozenset[str]) -> None:
        """Some of what the person allowed no longer counts."""
        for key, scopes in self._consents.items():
            if key[1] == oid:
                self._consents[key] = scopes - lost

    # --- codes

    def issue_code(self, code: Code) -> str:
        text = ("M.C5" if code.sign_in.is_personal else "0.A") + secrets.token_urlsafe(48)
        self._codes[text] = (code, self._clock() + CODE_LIFE)
        self._owners[text] = code.sign_in.oid
        return text

    def spend_code(self, text: str) -> Code | int:
        """The code's meaning, once and in time; else the number of what is wrong with it."""
        if text in self._spent:
            return 54005
        code, expires_at = self._codes.pop(text, (None, self._clock()))
        if code is None:
            return 9002313
        self._spent.add(text)
        return code if self._clock() < expires_at else 70008

    # --- tokens

    def issue_refresh(self, sign_in: SignIn, *, family: str = "") -> RefreshToken:
        text = ("M.C5_BAY.0.U." if sign_in.is_personal else "1.A") + secrets.token_urlsafe(90)
        token = RefreshToken(text, sign_in, self._clock(), family=family or text)
        self._refresh[text] = token
        self._owners[text] = sign_in.oid
        return token

    def issue_access(self, sign_in: SignIn, scopes: frozenset[str]) -> AccessToken:
        text = "EwB" + secrets.token_urlsafe(60) if sign_in.is_personal else _looks_like_jwt()
        token = AccessToken(text, sign_in.oid, scopes, self._clock() + ACCESS_LIFE)
        self._access[text] = token
        self._owners[text] = sign_in.oid
        return token

    def refresh_token(self, text: str) -> RefreshToken | None:
        """Dead or alive; `is_idle` and `ended` tell."""
        return self._refresh.get(text)

    def is_idle(self, token: RefreshToken) -> bool:
        return self._clock() - token.used_at > IDLE_LIFE

    def used(self, token: RefreshToken) -> None:
        """Using a token does not end it, it begins its ninety days anew."""
        token.used_at = self._clock()

    def end_family(self, family: str, number: int) -> None:
        """Somebody showed a token that was rotated away: one of the two who hold it is a thief, and nobody
        can tell which (RFC 9700 §4.14.2)."""
        for token in self._refresh.values():
            if token.family == family and token.ended is None:
                token.ended = number

    def access_token(self, text: str) -> AccessToken | None:
        return self._access.get(text)

    def is_expired(self, token: AccessToken) -> bool:
        return self._clock() >= token.expires_at

    def end(self, account: Account, number: int) -> None:
        """End every refresh token and code of an account; access tokens live out their time."""
        self._codes = {t: kept for t, kept in self._codes.items() if kept[0].sign_in.oid != account.oid}
        for token in self.refresh_tokens(account.oid):
            token.ended = number

    def refresh_tokens(self, oid: str) -> list[RefreshToken]:
        """Those that Microsoft would still take."""
        mine = [t for t in self._refresh.values() if t.sign_in.oid == oid]
        return [t for t in mine if t.ended is None and not t.is_spent]


def _looks_like_jwt() -> str:
    parts = (secrets.token_urlsafe(length) for length in (24, 48, 32))
    return "eyJ0eXAiOiJKV1Qi" + ".eyJ".join(parts)
