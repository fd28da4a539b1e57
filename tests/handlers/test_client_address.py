"""Where a request comes from: proxies that are trusted, and what anybody can write."""

from __future__ import annotations

import pytest

from bot.domain.api_key import network_of
from handlers.api import client_address

TRUSTED = (network_of("10.0.0.0/24"), network_of("fd00::/64"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["10.20.0.5"], "192.0.2.1"),  # whoever is not trusted says what they like
        ("10.0.0.1", [], ""),  # a proxy that names nobody is not the program
        ("::ffff:10.0.0.1", [], ""),
        ("10.0.0.1", [""], ""),
        ("10.0.0.1", ["192.0.2.9"], "192.0.2.9"),
        ("::ffff:10.0.0.1", ["::ffff:192.0.2.9"], "192.0.2.9"),
        ("10.0.0.1", ["10.20.0.5, 192.0.2.9"], "192.0.2.9"),  # forged, and a proxy that adds to it
        ("10.0.0.1", ["10.20.0.5", "192.0.2.9"], "192.0.2.9"),  # the same in two headers
        ("10.0.0.1", ["10.20.0.5, 192.0.2.9,10.0.0.2 , fd00::7"], "192.0.2.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["192.0.2.9:41234"], "192.0.2.9"),
        ("10.0.0.1", ["[2001:db8::9]:41234"], "2001:db8::9"),
        ("10.0.0.1", ["[2001:db8::9]"], "2001:db8::9"),
        ("10.0.0.1", ["FE80::9%eth0"], "fe80::9"),
        ("10.0.0.1", ["10.20.0.5, unknown"], ""),
        ("10.0.0.1", ["10.20.0.5,"], ""),
        ("10.0.0.1", ["192.0.2.9, 010.0.0.2"], ""),
        ("10.0.0.1", ["192.0.2.9\x00"], ""),
        ("", ["192.0.2.9"], ""),
        ("nothing", ["192.0.2.9"], "nothing"),
    ],
)
def test_no_further_than_the_first_that_is_not_trusted(peer: str, forwarded: list[str], client: str) -> None:
    assert client_address(peer, forwarded, TRUSTED) == client


def test_without_a_trusted_proxy_no_header_counts() -> None:
    assert client_address("127.0.0.1", ["10.20.0.5"], ()) == "127.0.0.1"
