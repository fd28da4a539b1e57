"""Where a person may send us: the guard against being pointed at somebody's inner network.

The one rule: a name is resolved once, every address it has is judged, and only a judged address is dialled;
nothing resolves the name again on the way. Ports are a short list. What the operator allows on top counts
for the operator's own networks alone, so that no setting opens the rest of the world any further.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final, Protocol

from bot.domain.address import NotADomain, ascii_domain

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS: Final = frozenset({993, 143})
"""IMAP over TLS, and IMAP that turns to TLS (RFC 8314)."""

_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+")
_NAT64: Final = (IPv6Network("64:ff9b::/96"),)
_IPV4_COMPATIBLE: Final = IPv6Network("::/96")
_NEVER: Final = tuple(
    map(
        ip_network,
        (
            "100.64.0.0/10",  # shared by carriers' customers
            "192.0.0.0/24",  # protocol assignments
            "192.88.99.0/24",  # 6to4 relays
            "fec0::/10",  # site-local, deprecated but routed by some
            "64:ff9b:1::/48",  # NAT64 of one's own network: which IPv4 address is meant, only it knows
        ),
    )
)
"""Inner networks that Python's ``is_global`` has not always known."""


class HostRefused(Exception):
    """The host must not be dialled. ``code`` says why, in plain words with underscores; never an address."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Resolver(Protocol):
    """The look-up of a name's addresses."""

    async def addresses(self, host: str) -> tuple[Address, ...]:
        """Every address of ``host``; none if there are none, or if nobody knows at present."""


@dataclass(frozen=True, slots=True)
class SsrfGuard:
    """Which hosts may be dialled."""

    resolver: Resolver
    ports: frozenset[int] = PORTS
    allowed_networks: tuple[Network, ...] = ()
    """The operator's own: addresses in them may be inner ones."""
    allowed_ports: frozenset[int] = frozenset()
    """More ports, for addresses in ``allowed_networks`` only."""

    async def vetted(self, host: str, port: int) -> tuple[Address, ...]:
        """The addresses to dial for ``host``, each judged. Raises ``HostRefused``.

        One bad address refuses the host: a name that means somewhere public and somewhere private at once
        is a trap.
        """
        name = host_name(host)
        if port not in self.ports | self.allowed_ports:
            raise HostRefused("port_not_allowed")
        found = await self.resolver.addresses(name)
        if not found:
            raise HostRefused("unknown_host")
        if not all(self._may_be_dialled(address, port) for address in found):
            raise HostRefused("not_a_public_host")
        return found

    def is_ours(self, address: Address) -> bool:
        """Whether the operator vouches for the network it is in."""
        plain = unwrapped(address)
        return any(plain in network for network in self.allowed_networks if network.version == plain.version)

    def _may_be_dialled(self, address: Address, port: int) -> bool:
        return self.is_ours(address) or (port in self.ports and is_public(address))


def host_name(typed: str) -> str:
    """A host as it stands in the DNS: lower case, ASCII, with a dot in it and no number at its end.

    Raises ``HostRefused`` for single names, which mean something on our own network only, and for addresses
    in whatever notation (``127.1``, ``0x7f.0.0.1``, ``2130706433``, ``[::1]``).
    """
    try:
        ascii_name = ascii_domain(typed)
    except NotADomain:
        raise HostRefused("not_a_host_name") from None
    labels = ascii_name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        raise HostRefused("not_a_host_name")
    if len(labels) < 2:
        raise HostRefused("not_a_full_name")
    return ascii_name


def is_public(address: Address) -> bool:
    """Whether an address is out there for everybody, whatever it is wrapped in."""
    plain = unwrapped(address)
    if isinstance(plain, IPv6Address) and (plain.teredo is not None or plain.is_site_local):
        return False
    shut = plain.is_multicast or plain.is_reserved or plain.is_unspecified or plain.is_loopback
    shut = shut or plain.is_link_local or plain.is_private or _is_in(plain, _NEVER)
    return plain.is_global and not shut


def unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (mapped, compatible, 6to4, NAT64); else itself.

    ``is_global`` takes what is wrapped for public: ``64:ff9b::a9fe:a9fe`` is a cloud's metadata service.
    """
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    is_compatible = address in _IPV4_COMPATIBLE and int(address) > 1
    if is_compatible or _is_in(address, _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)
