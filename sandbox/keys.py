"""Signed identity.

Rule: id tokens are real RS256, so that the product verifies them exactly as it does the real ones.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID


@cache
def _private_key(generation: int) -> rsa.RSAPrivateKey:
    """Made once per process: making one costs more than all the rest of a local provider."""
    del generation
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class SigningKey:
    """The key that signs now; `rotate` replaces it, as providers do every few days."""

    def __init__(self) -> None:
        self._generation = 0

    def rotate(self) -> None:
        self._generation += 1

    @property
    def kid(self) -> str:
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(public).hexdigest()[:40]

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWS over the claims."""
        header = {"alg": "RS256", "kid": self.kid, "typ": "JWT"}
        body = ".".join(_base64url(json.dumps(part).encode()) for part in (header, dict(claims)))
        signature = self._key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{body}.{_base64url(signature)}"

    def certificates(self) -> dict[str, str]:
        """Key id to certificate, the form of Google's v1 certs."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox.example")])
        born = datetime(2020, 1, 1, tzinfo=UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(self._generation + 1)
            .not_valid_before(born)
            .not_valid_after(born + timedelta(days=36500))
            .sign(self._key, hashes.SHA256())
        )
        return {self.kid: certificate.public_bytes(serialization.Encoding.PEM).decode()}

    def jwks(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        numbers = self._key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "n": _base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)),
            "e": _base64url(numbers.e.to_bytes(3)),
        }
        return {"keys": [key]}

    @property
    def _key(self) -> rsa.RSAPrivateKey:
        return _private_key(self._generation)
