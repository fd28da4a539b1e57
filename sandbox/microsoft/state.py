"""What the endpoints share. Rule: state only; every decision is taken in the endpoint that answers."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.x509 import Certificate

from sandbox.faults import Faults
from sandbox.keys import SigningKey
from sandbox.microsoft.directory import Account, Directory
from sandbox.microsoft.ledger import Ledger

_REMEMBERED = 1000


@dataclass
class Client:
    """A registered app."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    certificate: Certificate | None = None
    """What the app registered to sign with; a secret beside it goes on working."""


@dataclass
class State:
    """The directory and the apps that its people may allow something."""

    clock: Callable[[], datetime]
    app_name: str
    clients: dict[str, Client]
    ledger: Ledger
    directory: Directory = field(default_factory=Directory)
    faults: Faults = field(default_factory=Faults)
    key: SigningKey = field(default_factory=SigningKey)
    requests: Counter[str] = field(default_factory=Counter)
    wishes: deque[Mapping[str, str]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """The latest authorization requests, as they were asked."""

    def allowed(self, client_id: str, account: Account) -> frozenset[str]:
        """What an app may do for an account: by its own consent, or by its admin's."""
        tenant = self.directory.tenant_or_none(account.tid)
        by_admin = tenant.approved.get(client_id, frozenset()) if tenant else frozenset()
        return self.ledger.consented(client_id, account.oid) | by_admin

    def stands(self, what: str, account: Account) -> bool:
        return self.faults.stands(what, account.oid, account.tid)
