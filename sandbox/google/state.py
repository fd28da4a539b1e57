"""What the endpoints share. Rule: state only; every decision is taken in the endpoint that answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.faults import Faults
from sandbox.google.accounts import Accounts
from sandbox.google.ledger import Ledger
from sandbox.keys import SigningKey


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
