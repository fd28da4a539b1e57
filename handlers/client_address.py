"""Where a request comes from, behind proxies.

The one rule: a word about somebody's address counts only from a proxy that the operator trusts. So
``X-Forwarded-For`` is read from its end, which the nearest proxy wrote, and no further than to the first
address that is no trusted proxy's: whatever stands before that, anybody can have written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from bot.domain.api_key import Network

HEADER: Final = "X-Forwarded-For"
_WITH_PORT: Final = re.compile(r"\[([^\]]+)\](?::\d{1,5})?|([\d.]+):\d{1,5}")
"""Some proxies write the port, too; then IPv6 stands in brackets."""


def client_address(peer: str, forwarded: Iterable[str], trusted: tuple[Network, ...]) -> str:
    """The address of whoever asks; empty where a trusted proxy names none. ``forwarded`` are the values of
    all the request's headers of that name, in order."""
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    at = _parsed(peer)
    if at is None or not _is_among(at, trusted):
        return peer
    if not hops:  # else whoever gets a proxy to leave its header out would come from the proxy's network
        return ""
    while hops and _is_among(at, trusted):
        at = _parsed(hops.pop())
        if at is None:
            return ""
    return str(at)


def _is_among(at: IPv4Address | IPv6Address, networks: tuple[Network, ...]) -> bool:
    return any(at.version == network.version and at in network for network in networks)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    found = _WITH_PORT.fullmatch(text)
    try:
        at = ip_address((found[1] or found[2]) if found else text)
    except ValueError:
        return None
    if isinstance(at, IPv6Address):
        return at.ipv4_mapped or ip_address(int(at).to_bytes(16))  # without its zone
    return at
