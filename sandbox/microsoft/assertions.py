"""Clients that prove themselves with a certificate (``private_key_jwt``), judged as Microsoft does.

Rule: the signature first, then whose it is, for whom, and when.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import Certificate
from multidict import MultiMapping

from sandbox.microsoft.state import Client

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SLACK = timedelta(minutes=5)
"""How far the two clocks may be apart."""


def fault_of_assertion(form: MultiMapping[str], client: Client, *, url: str, now: datetime) -> int:
    """The number of what is wrong with it; 0 if it proves ``client``."""
    if form.get("client_assertion_type") != TYPE:
        return 7000218
    if client.certificate is None or "client_secret" in form:
        return 700027
    claims = _claims(form["client_assertion"], client.certificate)
    if claims is None or not claims.get("jti"):
        return 700027
    if {claims.get("iss"), claims.get("sub")} != {client.client_id}:
        return 700021
    if claims.get("aud") != url:
        return 700023
    begins, ends = claims.get("nbf"), claims.get("exp")
    if not isinstance(begins, int) or not isinstance(ends, int):
        return 700024
    is_in_time = begins - SLACK.total_seconds() <= now.timestamp() < ends + SLACK.total_seconds()
    return 0 if is_in_time and client.certificate.not_valid_after_utc > now else 700024


def _claims(assertion: str, certificate: Certificate) -> dict[str, Any] | None:
    """What it says, if it is signed with the certificate that it names."""
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(SHA256())).rstrip(b"=").decode()
    # The sandbox's clock is not the machine's: times are judged by the caller.
    unjudged = {f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud")}
    try:
        if jwt.get_unverified_header(assertion).get("x5t#S256") != thumbprint:
            return None
        claims: dict[str, Any] = jwt.decode(assertion, key, algorithms=["PS256"], options=unjudged)  # type: ignore[arg-type]
    except jwt.PyJWTError:
        return None
    return claims
