"""The people of the local Google.

Rule: an account is its `sub`; its addresses may change, that number never does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

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
