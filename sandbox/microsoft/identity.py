"""Who signed in, as Microsoft tells an app. Rule: `tid` and `oid` are who it is; the rest may change."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from sandbox.microsoft.authority import LOGIN
from sandbox.microsoft.directory import Account
from sandbox.microsoft.scopes import EMAIL, PROFILE

ID_LIFE = timedelta(hours=1)


def claims_of(
    account: Account, client_id: str, scopes: frozenset[str], nonce: str, now: datetime
) -> dict[str, Any]:
    """The claims of an id token of version 2.0."""
    at = int(now.timestamp())
    claims: dict[str, Any] = {
        "ver": "2.0",
        "iss": f"{LOGIN}/{account.tid}/v2.0",
        "aud": client_id,
        "iat": at,
        "nbf": at,
        "exp": at + int(ID_LIFE.total_seconds()),
        "sub": _pairwise(account, client_id),
        "tid": account.tid,
    }
    if PROFILE in scopes:
        claims |= {"name": account.name, "preferred_username": account.upn, "oid": account.oid}
    if EMAIL in scopes:
        claims["email"] = account.email
    if nonce:
        claims["nonce"] = nonce
    return claims


def client_info(account: Account) -> str:
    """The account's id as Microsoft's libraries want it."""
    told = json.dumps({"uid": account.oid, "utid": account.tid})
    return base64.urlsafe_b64encode(told.encode()).rstrip(b"=").decode()


def _pairwise(account: Account, client_id: str) -> str:
    """Different for every app."""
    digest = hashlib.sha256(f"{client_id}/{account.tid}/{account.oid}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
