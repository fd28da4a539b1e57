"""Proving that a request is ours with a certificate instead of a secret: ``private_key_jwt`` (RFC 7523).

Many organisations forbid client secrets. The key never leaves this machine; what does is a statement of ten
minutes, good at one address. Microsoft wants PS256 and the certificate's SHA-256 in ``x5t#S256``
(learn.microsoft.com/entra/identity-platform/certificate-credentials). The libraries for it are loaded only
where there is a certificate.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LASTS: Final = timedelta(minutes=10)
_REUSED_FOR: Final = timedelta(minutes=5)
"""Signing costs more of the processor than all else of a look; a statement is good for many."""
_MOST_KEPT: Final = 1_000
_LEAST_BITS: Final = 2_048


class ClientCertificate:
    """A certificate and its key. Shows neither."""

    def __init__(self, key: RSAPrivateKey, certificate: Certificate) -> None:
        from cryptography.hazmat.primitives.hashes import SHA256

        self._key = key
        self._thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(SHA256())).rstrip(b"=").decode()
        self.ends_at: Final = certificate.not_valid_after_utc
        self._kept: dict[tuple[str, str], tuple[datetime, str]] = {}

    def __repr__(self) -> str:
        return "ClientCertificate(…)"

    @classmethod
    def of(cls, pem: bytes) -> Self:
        """From one file with both. Raises ``ValueError`` with what is wrong, and nothing of the file."""
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509 import load_pem_x509_certificate

        try:
            certificate = load_pem_x509_certificate(pem)
        except ValueError:
            raise ValueError("holds no certificate in PEM form") from None
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            raise ValueError("holds no private key in PEM form, or one that needs a passphrase") from None
        if not isinstance(key, RSAPrivateKey) or key.key_size < _LEAST_BITS:
            raise ValueError(
                "holds a key that Microsoft does not take: it must be RSA, with 2048 bits or more"
            )
        if key.public_key() != certificate.public_key():
            raise ValueError("holds a key that is not the certificate's")
        return cls(key, certificate)

    def assertion(self, client_id: str, audience: str, now: datetime) -> str:
        """What says that a request to ``audience`` is by ``client_id``. Raises ``jwt.PyJWTError``."""
        made, kept = self._kept.get((client_id, audience), (None, ""))
        if made is not None and timedelta() <= now - made < _REUSED_FOR:
            return kept
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        fresh = self._signed(client_id, audience, now)
        self._kept[client_id, audience] = now, fresh
        return fresh

    def _signed(self, client_id: str, audience: str, now: datetime) -> str:
        import jwt

        claims = {
            "aud": audience,
            "iss": client_id,
            "sub": client_id,
            "jti": secrets.token_hex(16),
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + _LASTS).timestamp()),
        }
        return jwt.encode(claims, self._key, algorithm="PS256", headers={"x5t#S256": self._thumbprint})

    def proof(self, client_id: str, audience: str, clock: Callable[[], datetime]) -> dict[str, str]:
        """The fields that take the place of ``client_secret``."""
        return {
            "client_assertion_type": TYPE,
            "client_assertion": self.assertion(client_id, audience, clock()),
        }
