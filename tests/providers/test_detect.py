"""Who hosts an address: a guess that people see and can overrule, and that never keeps them waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import cast

import dns.asyncresolver
import pytest
from dns.message import from_wire, make_response
from dns.rcode import Rcode

from bot.domain.address import NOWHERE
from providers.detect import BELIEVED, UNKNOWN, Detected, Detector, How, Service, SystemNames

GOOGLE = ("ASPMX.L.GOOGLE.COM.", "alt1.aspmx.l.google.com")
MICROSOFT = ("acme-com.mail.protection.outlook.com",)
UNLISTED = ("mx01.mailwall.example",)
FILTER = ("mxa-001.gslb.pphosted.com",)
HIDDEN, HIDDEN_IMAP = Detected(None, How.HIDDEN), Detected("imap", How.HIDDEN)


class Dns:
    """Names that say what they are told to; ``stuck`` ones never answer."""

    def __init__(self, mx: tuple[str, ...] = (), txt: tuple[str, ...] = (), *, stuck: bool = False) -> None:
        self._mx, self._txt, self._stuck = mx, txt, stuck
        self.asked: list[str] = []

    async def mx(self, domain: str) -> tuple[str, ...]:
        self.asked.append(domain)
        if self._stuck:
            await asyncio.Event().wait()
        return self._mx

    async def txt(self, name: str) -> tuple[str, ...] | None:
        return self._txt

    async def cname(self, name: str) -> tuple[str, ...] | None:
        return ()

    async def srv(self, name: str) -> tuple[Service, ...] | None:
        return ()


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("ann@gmail.com", "google"),
        ("ann@googlemail.com", "google"),
        ("ann@outlook.com", "microsoft"),
        ("ann@hotmail.co.uk", "microsoft"),
        ("ann@live.jp", "microsoft"),
        ("ann@msn.com", "microsoft"),
        ("ann@yahoo.co.jp", "imap"),
        ("ann@icloud.com", "imap"),
        ("ann@GMX.de", "imap"),
    ],
)
async def test_everybody_knows_these_domains(address: str, provider: str) -> None:
    """No name server is asked."""
    dns = Dns(stuck=True)
    assert await Detector(dns).detect(address) == Detected(provider, How.DOMAIN)
    assert not dns.asked


@pytest.mark.parametrize(
    ("dns", "found"),
    [
        (Dns(GOOGLE), Detected("google", How.MX)),
        (Dns(("smtp.google.com",)), Detected("google", How.MX)),
        (Dns(MICROSOFT), Detected("microsoft", How.MX)),
        (Dns(("acme-com.o-v1.mx.microsoft",)), Detected("microsoft", How.MX)),
        (Dns(("mx.hosting.example",)), Detected("imap", How.HIDDEN)),
        (Dns(("mx.acme.com",)), Detected("imap", How.MX)),
        (Dns(("mx.notacme.com",)), Detected("imap", How.HIDDEN)),
        (Dns(("mx.zoho.eu",)), Detected("imap", How.MX)),
        (Dns(("notgoogle.com",)), Detected("imap", How.HIDDEN)),
        (Dns(FILTER, ("v=spf1 include:_spf.google.com -all",)), Detected("google", How.SPF)),
        (
            Dns(FILTER, ("x=1", "v=spf1 include:spf.protection.outlook.com -all")),
            Detected("microsoft", How.SPF),
        ),
        (Dns(FILTER, ("v=spf1 include:_spf.google.com include:spf.protection.outlook.com ~all",)), HIDDEN),
        (Dns(FILTER), HIDDEN),
        (Dns(), UNKNOWN),
        (Dns((".",)), Detected(None, How.NO_MAIL)),
        (Dns(("",)), Detected(None, How.NO_MAIL)),
        (Dns(("mx.hosting.example", "aspmx.l.google.com")), Detected("imap", How.HIDDEN)),
        (Dns(("aspmx.l.google.com", "mx.hosting.example")), Detected("google", How.MX)),
        (Dns(UNLISTED, ("v=spf1 include:spf.protection.outlook.com -all",)), Detected("microsoft", How.HINT)),
        (Dns(UNLISTED, ("v=spf1 ?include:_spf.google.com. ~all",)), Detected("google", How.HINT)),
        (Dns(UNLISTED, ("v=spf1 redirect=_spf.google.com",)), Detected("google", How.HINT)),
        (Dns(UNLISTED, ("v=spf1 -include:_spf.google.com.evil.example -all",)), Detected("imap", How.HIDDEN)),
    ],
)
async def test_the_domains_mail_hosts_tell(dns: Dns, found: Detected) -> None:
    """By whom they belong to; behind a mail filter by whom the domain lets send; else nobody knows."""
    assert await Detector(dns).detect("ann@acme.com") == found


class Halting(Dns):
    """The texts at these names cannot be found out."""

    def __init__(self, mx: tuple[str, ...], texts: Mapping[str, tuple[str, ...] | None]) -> None:
        super().__init__(mx)
        self._texts = texts

    async def txt(self, name: str) -> tuple[str, ...] | None:
        return self._texts.get(name, ())


NESTED = ("v=spf1 include:one.example include:two.example ~all",)
TO_GOOGLE = ("v=spf1 include:_spf.google.com ~all",)


@pytest.mark.parametrize(
    ("texts", "seen"),
    [
        ({"acme.com": None}, None),
        ({"acme.com": NESTED, "one.example": None}, None),
        ({"acme.com": NESTED, "one.example": TO_GOOGLE, "two.example": None}, "google"),
    ],
)
@pytest.mark.parametrize("mx", [UNLISTED, FILTER])
async def test_a_look_up_that_failed_is_not_an_absent_policy(
    mx: tuple[str, ...], texts: Mapping[str, tuple[str, ...] | None], seen: str | None
) -> None:
    """Nobody is led anywhere by it, and it is news of no move; what was heard still counts."""
    found = await Detector(Halting(mx, texts), tenants=Known("acme.com")).detect("ann@acme.com")
    assert (found.provider, found.how) == (None, How.HIDDEN)
    assert (found.seen_from("google"), found.seen_from("microsoft")) == (seen, None)


MANY = "v=spf1 " + " ".join(f"include:s{number}.example" for number in range(7)) + " -all"


@pytest.mark.parametrize(
    "texts",
    [
        {"acme.com": ("v=spf1 include:%{i}._ip.%{h}._ehlo.%{d}._spf.keeper.example ~all",)},
        {"acme.com": ("v=spf1 exists:%{i}.spf.keeper.example -all",)},
        {"acme.com": ("v=spf1 redirect=%{d}.spf.keeper.example",)},
        {"acme.com": NESTED, "two.example": ("v=spf1 include:%{ir}.%{d}.keeper.example -all",)},
        {"acme.com": (MANY,), "s6.example": TO_GOOGLE},
    ],
)
@pytest.mark.parametrize("mx", [UNLISTED, FILTER])
async def test_a_policy_that_is_not_read_whole_may_name_anybody(
    mx: tuple[str, ...], texts: Mapping[str, tuple[str, ...] | None]
) -> None:
    """Worked out for each sender, or longer than is looked up: no news of a move, nobody is led anywhere."""
    found = await Detector(Halting(mx, texts), tenants=Known("acme.com")).detect("ann@acme.com")
    assert (found.provider, found.how) == (None, How.HIDDEN)
    assert (found.seen_from("google"), found.seen_from("microsoft")) == (None, None)


async def test_a_policy_that_names_us_itself_needs_no_further_look_up() -> None:
    """Others that it refers to may fail."""
    texts = {"acme.com": ("v=spf1 include:_spf.google.com include:two.example ~all",), "two.example": None}
    assert await Detector(Halting(UNLISTED, texts)).detect("ann@acme.com") == Detected("google", How.HINT)


@pytest.mark.parametrize(
    ("code", "found"),
    [(Rcode.NXDOMAIN, ()), (Rcode.NOERROR, ()), (Rcode.SERVFAIL, None), (Rcode.REFUSED, None)],
)
async def test_what_a_name_server_says_of_texts(
    code: Rcode, found: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That there are none is an answer; that it failed is none."""

    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast(asyncio.DatagramTransport, transport)

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            answer = make_response(from_wire(data))
            answer.set_rcode(code)
            self.transport.sendto(answer.to_wire(), addr)

    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], server.get_extra_info("sockname")[1]
    monkeypatch.setattr(dns.asyncresolver, "default_resolver", resolver)
    try:
        assert await SystemNames().txt("acme.example") == found
        assert await SystemNames().cname("autodiscover.acme.example") == found
        services = await SystemNames().srv("_autodiscover._tcp.acme.example")
        assert services is None if found is None else services == ()
        assert await SystemNames().mx("acme.example") == ()
        assert await SystemNames().txt("a..example") == ()
    finally:
        server.close()


class Known:
    """Microsoft's list of domains; ``stuck``: it never answers."""

    def __init__(self, *domains: str, stuck: bool = False) -> None:
        self._domains, self._stuck = domains, stuck
        self.asked: list[str] = []

    async def knows(self, domain: str) -> bool:
        self.asked.append(domain)
        if self._stuck:
            await asyncio.Event().wait()
        return domain in self._domains


@pytest.mark.parametrize(
    ("dns", "found"),
    [
        (Dns(FILTER), Detected("microsoft", How.TENANT)),
        (Dns(FILTER, ("v=spf1 include:_spf.google.com -all",)), Detected("google", How.SPF)),
        (Dns(GOOGLE), Detected("google", How.MX)),
        (Dns(("mx.hosting.example",)), Detected("imap", How.HIDDEN)),
        (Dns(), UNKNOWN),
    ],
)
async def test_microsoft_is_asked_where_nothing_else_tells(dns: Dns, found: Detected) -> None:
    """Only behind a filter, and only after whom the domain lets send: many have a tenant and no mail there.
    That answer is one to begin with, not one to believe."""
    tenants = Known("acme.com")
    assert await Detector(dns, tenants=tenants).detect("ann@acme.com") == found
    assert tenants.asked == (["acme.com"] if found.how is How.TENANT else [])
    assert (found.how in BELIEVED) is (found.how not in {How.TENANT, How.HIDDEN, How.UNKNOWN})


OUTLOOK = {"autodiscover.acme.com": ("AutoDiscover.Outlook.com.",)}
TO_MICROSOFT = ("v=spf1 include:spf.protection.outlook.com ~all",)
TO_BOTH = ("v=spf1 include:_spf.google.com include:spf.protection.outlook.com ~all",)
IMAPS = "_imaps._tcp.acme.com"


class Signs(Dns):
    """Names that also say where mail programs are sent; a failing one says nothing."""

    def __init__(
        self,
        mx: tuple[str, ...],
        txt: tuple[str, ...] = (),
        *,
        cnames: Mapping[str, tuple[str, ...]] | None = None,
        srvs: Mapping[str, str] | None = None,
        failing: str = "",
    ) -> None:
        super().__init__(mx, txt)
        self._cnames, self._srvs, self._failing = cnames or {}, srvs or {}, failing

    async def cname(self, name: str) -> tuple[str, ...] | None:
        return None if name == self._failing else self._cnames.get(name, ())

    async def srv(self, name: str) -> tuple[Service, ...] | None:
        if name == self._failing:
            return None
        return (Service(self._srvs[name], 443),) if name in self._srvs else ()


AUTODISCOVER = Detected("microsoft", How.AUTODISCOVER)


@pytest.mark.parametrize(
    ("dns", "found"),
    [
        (Signs(UNLISTED, cnames=OUTLOOK), AUTODISCOVER),
        (Signs(FILTER, cnames=OUTLOOK), AUTODISCOVER),
        (Signs(UNLISTED, TO_BOTH, cnames=OUTLOOK), AUTODISCOVER),
        (Signs(UNLISTED, srvs={"_autodiscover._tcp.acme.com": "autodiscover.outlook.com"}), AUTODISCOVER),
        (Signs(UNLISTED, cnames=OUTLOOK, failing=IMAPS), AUTODISCOVER),
        (Signs(FILTER, TO_MICROSOFT, cnames=OUTLOOK), Detected("microsoft", How.SPF)),
        (Signs(FILTER, TO_GOOGLE, cnames=OUTLOOK), HIDDEN),
        (Signs(UNLISTED, TO_GOOGLE, cnames=OUTLOOK), HIDDEN),
        (Signs(FILTER, TO_GOOGLE, failing="autodiscover.acme.com"), Detected("google", How.HINT)),
        (Signs(UNLISTED, failing="autodiscover.acme.com"), HIDDEN),
        (Signs(UNLISTED, failing="_autodiscover._tcp.acme.com"), HIDDEN),
        (Signs(UNLISTED, cnames={"autodiscover.acme.com": ("outlook.com.evil.example",)}), HIDDEN_IMAP),
        (Signs(UNLISTED, srvs={IMAPS: "imap.gmail.com"}), Detected("google", How.AUTODISCOVER)),
        (Signs(UNLISTED, srvs={IMAPS: "imap.hosting.example"}), Detected("imap", How.MX)),
        (Signs(UNLISTED, srvs={IMAPS: "imap.hosting.example"}, cnames=OUTLOOK), AUTODISCOVER),
        (Signs(UNLISTED, srvs={IMAPS: "."}), HIDDEN_IMAP),
        (Signs(FILTER, srvs={IMAPS: "imap.hosting.example"}), HIDDEN),
        (Signs(FILTER, TO_GOOGLE, srvs={IMAPS: "imap.hosting.example"}), Detected("google", How.HINT)),
        (Signs(FILTER, TO_GOOGLE, srvs={IMAPS: "imap.gmail.com"}), Detected("google", How.SPF)),
        (Signs(GOOGLE, cnames=OUTLOOK), Detected("google", How.MX)),
    ],
)
async def test_where_mail_programs_are_sent_tells_who_is_behind_a_filter(dns: Dns, found: Detected) -> None:
    """Where SPF does not; where the two name different hosts, or a look-up failed, nobody knows."""
    assert await Detector(dns).detect("ann@acme.com") == found


@pytest.mark.parametrize(("steps", "how"), [(3, How.AUTODISCOVER), (4, How.HIDDEN)])
async def test_an_alias_is_followed_a_few_steps(steps: int, how: How) -> None:
    """A hoster's own name may lead on to Microsoft; a ring of names ends."""
    path = ["autodiscover.acme.com", *(f"a{n}.hosting.example" for n in range(1, steps))]
    onward = [*path[1:], "autodiscover.outlook.com"]
    chain = {name: (to,) for name, to in zip(path, onward, strict=True)}
    assert (await Detector(Signs(UNLISTED, cnames=chain)).detect("ann@acme.com")).how is how
    ring = {"autodiscover.acme.com": ("autodiscover.acme.com",)}
    assert (await Detector(Signs(UNLISTED, cnames=ring)).detect("ann@acme.com")).how is How.HIDDEN


async def test_a_domain_that_microsoft_does_not_know_stays_unknown() -> None:
    """No news is no answer."""
    assert await Detector(Dns(FILTER), tenants=Known()).detect("ann@acme.com") == HIDDEN


async def test_microsoft_keeps_nobody_waiting_either() -> None:
    """The answer is *unknown*, in time."""
    detector = Detector(Dns(FILTER), tenants=Known(stuck=True), waits=timedelta(milliseconds=20))
    assert await detector.detect("ann@acme.com") == HIDDEN


async def test_a_name_server_that_hangs_keeps_nobody_waiting() -> None:
    """The answer is *unknown*, in time."""
    assert await Detector(Dns(stuck=True), waits=timedelta()).detect("ann@acme.com") == UNKNOWN


@pytest.mark.parametrize(
    "address", ["ann@müller.example", "ann@", "@", "ann@" + "x" * 300 + ".com", "ann@a..b"]
)
async def test_odd_domains_are_asked_as_the_dns_knows_them(address: str) -> None:
    """Whatever was typed, there is an answer."""
    dns = Dns(GOOGLE)
    assert (await Detector(dns).detect(address)).provider == "google"
    assert "ü" not in dns.asked[0]


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("ann@straße.example", "xn--strae-oqa.example"),
        ("ann@strasse.example", "strasse.example"),
        ("ann@XN--STRAE-OQA.example.", "xn--strae-oqa.example"),
    ],
)
async def test_nobody_elses_domain_is_asked_about(address: str, asked: str) -> None:
    """Letters that older rules fold into others make another domain, with another owner."""
    dns = Dns(GOOGLE)
    await Detector(dns).detect(address)
    assert dns.asked == [asked]


@pytest.mark.parametrize(
    "domain", ["live.acme.example", "outlook.acme.example", "gmx.acme.com", "hotmail.acme"]
)
async def test_a_domain_that_begins_like_a_known_one_is_asked_about(domain: str) -> None:
    """Only whole names are known."""
    assert await Detector(Dns(GOOGLE)).detect(f"ann@{domain}") == Detected("google", How.MX)


async def test_a_policy_that_another_one_holds_is_found() -> None:
    """Services write policies for others: one level is looked into."""

    class Nested(Dns):
        async def txt(self, name: str) -> tuple[str, ...]:
            if name == "acme.com":
                return ("v=spf1 include:acme.spf.example ~all",)
            return ("v=spf1 include:_spf.google.com ~all",) if name == "acme.spf.example" else ()

    assert await Detector(Nested(UNLISTED)).detect("ann@acme.com") == Detected("google", How.HINT)


BOTH = frozenset({"google", "microsoft"})


@pytest.mark.parametrize(
    ("found", "home", "seen"),
    [
        (Detected("google", How.HINT, frozenset({"google"})), "google", "google"),
        (Detected("google", How.HINT, frozenset({"google"})), "microsoft", None),
        (Detected("google", How.HINT, frozenset({"google"})), "imap", "imap"),
        (Detected(None, How.HIDDEN, BOTH), "google", "google"),
        (Detected(None, How.HIDDEN, BOTH), "imap", None),
        (Detected("imap", How.HIDDEN), "google", "imap"),
        (Detected("imap", How.HIDDEN), "imap", "imap"),
        (HIDDEN, "google", None),
        (Detected("microsoft", How.AUTODISCOVER, frozenset({"microsoft"})), "microsoft", "microsoft"),
        (Detected("microsoft", How.AUTODISCOVER, frozenset({"microsoft"})), "google", None),
        (Detected("microsoft", How.AUTODISCOVER, frozenset({"microsoft"})), "imap", "imap"),
        (Detected("imap", How.MX), "google", "imap"),
        (Detected("microsoft", How.MX), "google", "microsoft"),
        (Detected("microsoft", How.TENANT), "google", None),
        (Detected(None, How.NO_MAIL), "google", NOWHERE),
        (Detected(None, How.NO_MAIL), "imap", NOWHERE),
        (UNKNOWN, "google", None),
    ],
)
def test_a_host_nobody_knows_is_no_news_while_the_domain_names_its_home(
    found: Detected, home: str, seen: str | None
) -> None:
    """A filter was hired; nothing has moved."""
    assert found.seen_from(home) == seen
