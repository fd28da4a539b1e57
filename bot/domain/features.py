"""Features: what connected mailboxes are used for beyond being kept alive, and what each needs of a provider.

The one rule: whatever is switched on is asked for in one consent, so that using another feature later asks
nothing again. Keeping the mailbox connected is no feature: what that needs is the provider's own to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from bot.domain.grant import Granted, lacking


@dataclass(frozen=True, slots=True)
class Wording:
    """A few words in the operator's own writing. Who has no language of their own here reads English."""

    en: str
    ja: str = ""

    def for_(self, code: str) -> str:
        """In this language, if it was written in it."""
        return self.ja if code == "ja" and self.ja else self.en


@dataclass(frozen=True, slots=True)
class Feature:
    """One use of mailboxes, defined by the operator."""

    key: str
    name: Wording
    reason: Wording
    """What it needs the permission for: goes after *for*, as in *to log customers' mail*."""
    scopes: Mapping[str, frozenset[str]]
    """What it needs, by the provider's key, with ``_shared`` behind it for mailboxes that are opened with
    somebody's own account. Where nothing stands, it needs nothing."""
    is_on: bool = True

    def scopes_at(self, provider: str, *, is_shared: bool = False) -> frozenset[str]:
        return self.scopes.get(f"{provider}_shared" if is_shared else provider, frozenset())

    def needs(self, scope: str) -> bool:
        """Whether this permission, of whichever provider, is asked for on its behalf."""
        return any(scope in scopes for scopes in self.scopes.values())


@dataclass(frozen=True, slots=True)
class Features:
    """All that the operator has defined, in that order. ``is_shared`` asks about shared mailboxes."""

    defined: tuple[Feature, ...] = ()

    def at(self, provider: str, *, is_shared: bool = False) -> tuple[Feature, ...]:
        """Those that are switched on and need something of this provider."""
        return tuple(
            one for one in self.defined if one.is_on and one.scopes_at(provider, is_shared=is_shared)
        )

    def scopes_at(self, provider: str, *, is_shared: bool = False) -> frozenset[str]:
        """All that they need together."""
        here = self.at(provider, is_shared=is_shared)
        return frozenset(chain.from_iterable(one.scopes_at(provider, is_shared=is_shared) for one in here))

    def needing(
        self, provider: str, scopes: frozenset[str], *, is_shared: bool = False
    ) -> tuple[Feature, ...]:
        """Those that are switched on and need one of these permissions."""
        here = self.at(provider, is_shared=is_shared)
        return tuple(one for one in here if one.scopes_at(provider, is_shared=is_shared) & scopes)

    def lacking(self, provider: str, granted: Granted) -> tuple[Feature, ...]:
        """Those that cannot work with what was ``granted`` until somebody consents again."""
        wanted = self.scopes_at(provider, is_shared=granted.is_shared)
        return self.needing(provider, lacking(wanted, granted.scopes), is_shared=granted.is_shared)
