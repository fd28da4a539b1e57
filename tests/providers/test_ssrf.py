"""The guard: every known way of pointing us inwards is refused, and ordinary hosts are not."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from providers.ssrf import PORTS, Address, HostRefused, SsrfGuard, host_name, is_public

PUBLIC = "93.184.216.34"


class Book:
    """A resolver that knows what it was told, and counts how often it is asked."""

    def __init__(self, **names: str) -> None:
        self.names = {name.replace("_", "."): found for name, found in names.items()}
        self.asked: list[str] = []

    async def addresses(self, host: str) -> tuple[Address, ...]:
        self.asked.append(host)
        return tuple(ip_address(one) for one in self.names.get(host, "").split())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "100::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::10.1.2.3",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::1",
        "2002:a00:1::1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:0:7f00:1::1",
    ],
)
async def test_no_inner_address_is_dialled(address: str) -> None:
    """Loopback, private, shared, link-local, metadata, multicast, reserved: plain or wrapped in IPv6."""
    assert not is_public(ip_address(address))
    with pytest.raises(HostRefused) as refused:
        await SsrfGuard(Book(imap_evil_example=address)).vetted("imap.evil.example", 993)
    assert refused.value.code == "not_a_public_host"
    assert address not in repr(refused.value)


@pytest.mark.parametrize(
    "address", [PUBLIC, "2606:2800:220:1::25c8", "::ffff:93.184.216.34", "64:ff9b::5db8:d822", "1.1.1.1"]
)
async def test_public_hosts_are_dialled(address: str) -> None:
    """Ordinary mail hosts pass, over IPv4, IPv6 and through a NAT64 of their network."""
    guard = SsrfGuard(Book(imap_good_example=address))
    assert await guard.vetted("imap.good.example", 993) == (ip_address(address),)


async def test_one_inner_address_among_public_ones_refuses_the_host() -> None:
    """A name that means both is a trap: whoever dials it may get either."""
    with pytest.raises(HostRefused):
        await SsrfGuard(Book(imap_evil_example=f"{PUBLIC} 10.0.0.1")).vetted("imap.evil.example", 993)


async def test_a_name_is_asked_for_once() -> None:
    """A name that changes its address between the look and the call has nobody to fool."""
    book = Book(imap_good_example=PUBLIC)
    await SsrfGuard(book).vetted("IMAP.Good.Example.", 993)
    assert book.asked == ["imap.good.example"]


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("localhost", "not_a_full_name"),
        ("mail", "not_a_full_name"),
        ("mail.", "not_a_full_name"),
        ("", "not_a_host_name"),
        (".", "not_a_host_name"),
        ("..", "not_a_host_name"),
        ("a..b", "not_a_host_name"),
        ("127.0.0.1", "not_a_host_name"),
        ("127.1", "not_a_host_name"),
        ("2130706433", "not_a_host_name"),
        ("0x7f000001", "not_a_host_name"),
        ("0x7f.0.0.1", "not_a_host_name"),
        ("0177.0.0.01", "not_a_host_name"),
        ("0x7f.0x1", "not_a_host_name"),
        ("１２７.０.０.１", "not_a_host_name"),
        ("①②⑦.⓪.⓪.①", "not_a_host_name"),
        ("127。0。0。1", "not_a_host_name"),
        ("[::1]", "not_a_host_name"),
        ("::1", "not_a_host_name"),
        ("::ffff:127.0.0.1", "not_a_host_name"),
        ("fe80::1%eth0", "not_a_host_name"),
        ("host:993", "not_a_host_name"),
        ("user@host.example", "not_a_host_name"),
        ("https://host.example", "not_a_host_name"),
        ("host.example/path", "not_a_host_name"),
        ("host.example?x", "not_a_host_name"),
        ("host.example#x", "not_a_host_name"),
        ("host .example", "not_a_host_name"),
        ("host.exa\nmple", "not_a_host_name"),
        ("host.example\x00.evil.example", "not_a_host_name"),
        ("-host.example", "not_a_host_name"),
        ("host-.example", "not_a_host_name"),
        ("under_score.example", "not_a_host_name"),
        ("x" * 64 + ".example", "not_a_host_name"),
        (".".join(["abcdefgh"] * 40), "not_a_host_name"),
        ("ｌｏｃａｌｈｏｓｔ", "not_a_full_name"),
    ],
)
async def test_what_is_no_full_host_name_is_not_even_looked_up(typed: str, code: str) -> None:
    """Single names, addresses in every notation, and whatever a URL may bring along."""
    book = Book()
    with pytest.raises(HostRefused) as refused:
        await SsrfGuard(book).vetted(typed, 993)
    assert refused.value.code == code
    assert book.asked == []


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (" IMAP.Example.COM. ", "imap.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("メール.example", "xn--4dkua4c.example"),
        ("ｉｍａｐ．example．com", "imap.example.com"),
        ("imap。example。com", "imap.example.com"),
        ("1und1.example", "1und1.example"),
        ("imap.straße.example", "imap.xn--strae-oqa.example"),
        ("imap.strasse.example", "imap.strasse.example"),
        ("IMAP.ΟΔΟΣ.example", "imap.xn--pxavbq.example"),
        ("imap.οδος.example", "imap.xn--pxavbm.example"),
        ("r3---sn.example", "r3---sn.example"),
    ],
)
def test_names_are_folded_as_the_dns_knows_them(typed: str, name: str) -> None:
    """Case, dots and alphabets: what people type becomes one name."""
    assert host_name(typed) == name


@pytest.mark.parametrize("port", [0, 22, 25, 80, 110, 443, 587, 995, 1143, 3306, 6379, 65535, 65536, -1])
async def test_only_imaps_ports_are_dialled(port: int) -> None:
    """A mail form is no port scanner."""
    with pytest.raises(HostRefused) as refused:
        await SsrfGuard(Book(imap_good_example=PUBLIC)).vetted("imap.good.example", port)
    assert refused.value.code == "port_not_allowed"


async def test_a_name_without_an_address_is_said_to_be_unknown() -> None:
    """Nobody at this name: most often a slip of the pen."""
    with pytest.raises(HostRefused) as refused:
        await SsrfGuard(Book()).vetted("imap.nowhere.example", 993)
    assert refused.value.code == "unknown_host"


@pytest.mark.parametrize("address", ["10.9.0.7", "::ffff:10.9.0.7", "64:ff9b::a09:7"])
async def test_the_operators_own_networks_are_allowed(address: str) -> None:
    """A mail server on the intranet, however its address is written."""
    guard = SsrfGuard(Book(mail_corp_example=address), allowed_networks=(ip_network("10.9.0.0/16"),))
    assert await guard.vetted("mail.corp.example", 993)
    with pytest.raises(HostRefused):
        await SsrfGuard(Book(mail_corp_example="10.8.0.7"), allowed_networks=guard.allowed_networks).vetted(
            "mail.corp.example", 993
        )


async def test_more_ports_are_for_the_operators_own_networks_only() -> None:
    """The setting that lets an intranet server listen elsewhere opens nothing out in the world."""
    book = Book(mail_corp_example="10.9.0.7", imap_good_example=PUBLIC)
    guard = SsrfGuard(book, allowed_networks=(ip_network("10.9.0.0/16"),), allowed_ports=frozenset({10993}))
    assert await guard.vetted("mail.corp.example", 10993)
    with pytest.raises(HostRefused):
        await guard.vetted("imap.good.example", 10993)
    assert await guard.vetted("imap.good.example", min(PORTS))
