"""The providers this deployment has clients for, by key. ``bot.app`` lists them; nothing registers itself."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.address import domain_of
from bot.domain.errors import ProviderOff
from bot.domain.grant import MailboxIdentity
from bot.domain.provider_traits import LABELS, ProviderTraits
from providers.base import Provider, TakesForm
from providers.detect import of_domain


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

    def form_of(self, key: str) -> TakesForm:
        """The provider whose form of ours was filled in. Raises ``ProviderOff``, also for one without a form:
        nobody was led there."""
        provider = self.get(key)
        if not isinstance(provider, TakesForm):
            raise ProviderOff(key)
        return provider

    def find(self, key: str) -> Provider | None:
        """The provider, if a client is configured for it."""
        return self._providers.get(key)

    def is_on(self, key: str) -> bool:
        return key in self._providers

    @property
    def keys(self) -> tuple[str, ...]:
        """Those that are on, in the order in which they are offered."""
        return tuple(self._providers)

    def traits_of(self, key: str) -> ProviderTraits:
        """How it wants to be asked, also when it is off."""
        provider = self._providers.get(key)
        return provider.traits if provider else ProviderTraits()

    def label_of(self, key: str) -> str:
        return LABELS.get(key, key)

    def label_at(self, key: str, address: str) -> str:
        """What people call the host of ``address`` before anybody signs in; Outlook.com by its domain."""
        return self.label_of("outlook" if self.is_private(key, address) else key)

    def is_private(self, key: str, address: str) -> bool:
        """Whether its domain tells that a mailbox at Microsoft belongs to no organisation."""
        return key == "microsoft" and of_domain(domain_of(address)) == key

    def label_for(self, identity: MailboxIdentity) -> str:
        """What people call the host of this mailbox; an IMAP host goes by its own name."""
        if identity.provider == "imap" and identity.tenant:
            return identity.tenant
        return self.label_of(identity.family)

    @property
    def off(self) -> tuple[str, ...]:
        """Labels of the providers that lack a client."""
        return tuple(LABELS[key] for key in ("google", "microsoft") if key not in self._providers)
