"""The providers this deployment has clients for, by key. Bootstrap lists them; nothing registers itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from bot.domain.errors import ProviderOff
from providers.base import Provider

LABELS: Final[Mapping[str, str]] = {"google": "Gmail"}
"""What people call a provider, also when no client is configured for it."""


class Registry:
    """Providers by key."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._providers = {provider.key: provider for provider in providers}

    def get(self, key: str) -> Provider:
        """The provider. Raises ``ProviderOff`` when no client is configured for it."""
        try:
            return self._providers[key]
        except KeyError:
            raise ProviderOff(key) from None

    def is_on(self, key: str) -> bool:
        return key in self._providers

    def label_of(self, key: str) -> str:
        return LABELS.get(key, key)

    @property
    def off(self) -> tuple[str, ...]:
        """Labels of the providers that lack a client."""
        return tuple(label for key, label in LABELS.items() if key not in self._providers)
