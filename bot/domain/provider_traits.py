"""How a provider wants to be asked, as data. What is shown of it, and what its tokens are good for, goes by
its key elsewhere: CONTRIBUTING.md says how to find those places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

LABELS: Final[Mapping[str, str]] = {
    "google": "Gmail",
    "microsoft": "Office 365",
    "outlook": "Outlook.com",
    "imap": "IMAP",
}
"""What people call a provider, also when no client is configured for it, by its family."""


@dataclass(frozen=True, slots=True)
class ProviderTraits:
    """How a provider wants to be asked. The defaults are those of one that revokes when told to."""

    sign_in_scopes: frozenset[str] = frozenset()
    """What is asked along to know whose mailbox it is and to keep the access. People read of it on the
    provider's page, but it has no box there, and no mailbox fails for the want of it."""
    takes_password: bool = False
    """The person fills in a form of ours instead of signing in at the provider."""
    revokes: bool = True
    """``False`` where only the person can end a grant: asking to revoke then only looks whether they did."""
    looks_after: tuple[timedelta, ...] = tuple(
        timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600)
    )
    """Pauses between looks at a retired grant; the last one repeats. Empty: only when somebody asks."""
    most_looks: int | None = None
    """How often a retired grant may be looked at in all, where every look is a login."""
    least_interval: timedelta = timedelta()
    """Probes of one mailbox never come closer than this."""
    witness_after: timedelta | None = None
    """When a refusal is checked again, whatever peers say; ``None`` leaves it to them."""
    after_disconnect: timedelta | None = None
    """The pause between looks at a disconnected mailbox; ``None`` for the usual ones."""
    peers_in_tenant: bool = False
    """Only mailboxes of the same tenant (for IMAP: the same host) can say whether it is the provider."""
    refused_logins: int | None = None
    """How many logins one host may refuse within ``refused_within``, over all channels of the deployment,
    before it is left alone; ``None`` where refusals lock nobody out."""
    refused_within: timedelta = timedelta(hours=1)


SWITCHABLE: Final = frozenset({"google", "microsoft"})
"""Keys of the providers that can be switched between."""


@dataclass(frozen=True, slots=True)
class Ways:
    """Where a channel could go from its provider, by key."""

    directly: str | None
    """By a switch, everything kept."""
    by_leaving: tuple[str, ...]
    """Only by disconnecting first."""

    def __bool__(self) -> bool:
        return self.directly is not None or bool(self.by_leaving)


def may_switch(one: str, other: str) -> bool:
    """Whether a channel can be switched from one provider to the other."""
    return {one, other} == SWITCHABLE


def ways_from(provider: str, on: Iterable[str]) -> Ways:
    """Where a channel at ``provider`` could go, of the providers that are ``on``."""
    others = tuple(key for key in on if key != provider)
    directly = next((key for key in others if may_switch(provider, key)), None)
    return Ways(directly, tuple(key for key in others if key != directly))
