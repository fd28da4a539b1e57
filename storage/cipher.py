"""Secrets at rest. One rule: what is sealed says whose it is, and opens for nobody else.

The newest (first) key writes, every key reads. The owner's id stands inside the ciphertext, so that a
row's secret cannot be made to work by copying it into another row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bot.domain.grant import Secret
from storage.errors import KeyLost, Misplaced


def generate_key() -> str:
    """A fresh key, as the settings take it."""
    return Fernet.generate_key().decode()


class Cipher:
    """Seals and opens secrets. Knows keys, and shows none."""

    def __init__(self, keys: Sequence[str]) -> None:
        fernets = [Fernet(key) for key in keys]
        self._newest, self._fernet = fernets[0], MultiFernet(fernets)
        self.fingerprints = tuple(_fingerprint(key) for key in keys)
        """By which processes tell each other which keys they know, the newest first."""

    def __repr__(self) -> str:
        return "Cipher(…)"

    def seal(self, secret: Secret, *, owner: str) -> bytes:
        return self._fernet.encrypt(json.dumps([owner, secret.reveal()]).encode())

    def open(self, sealed: bytes, *, owner: str) -> Secret:
        """Raises ``KeyLost`` when no key opens it, ``Misplaced`` when it was sealed for another owner."""
        try:
            plain = self._fernet.decrypt(sealed)
        except InvalidToken:
            # The cause tells nothing and its traceback would hold the ciphertext.
            raise KeyLost from None
        sealed_for, secret = json.loads(plain)
        if sealed_for != owner:
            raise Misplaced
        return Secret(secret)

    def is_newest(self, sealed: bytes) -> bool:
        """Whether the newest key has sealed it already."""
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def reseal(self, sealed: bytes) -> bytes:
        """The same secret under the newest key. Raises ``KeyLost``."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken:
            raise KeyLost from None


def _fingerprint(key: str) -> str:
    """Keys are random and long: nobody finds one by its hash."""
    return hashlib.sha256(b"inboxkeeper key " + key.encode()).hexdigest()[:16]
