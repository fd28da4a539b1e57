"""Reading a HubSpot portal: complete listings or none, every error by its table, and never a message."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import PermissionMissing, ProviderError, ProviderMisconfigured, ProviderUnavailable
from bot.domain.grant import Secret
from providers.http_client import HttpClient, HttpReply
from providers.hubspot.client import EMAIL_CHANNEL, HubSpotClient
from providers.hubspot.errors import DAILY_LIMIT, INCOMPLETE, UNEXPECTED, scopes_in, until_midnight
from sandbox.clock import SandboxClock
from sandbox.hubspot import LocalHubSpot
from sandbox.hubspot.state import FAULTS, Fault, Portal
from tests.storage.builders import NOW

TOKEN, NEW = "pat-eu1-old", "pat-eu1-new"


@dataclass
class Desk:
    """A client, and the portal that it reads."""

    client: HubSpotClient
    portal: Portal
    clock: SandboxClock

    def breaks(self, what: str, path: str = "") -> None:
        self.portal.faults.append(Fault(what, path))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    clock = SandboxClock.frozen(NOW)
    hubspot = LocalHubSpot(clock=clock, token=TOKEN)
    app = web.Application()
    hubspot.add_routes(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0).start()
    async with aiohttp.ClientSession() as session:
        yield Desk(
            HubSpotClient(
                HttpClient(session),
                [Secret(TOKEN)],
                clock,
                api_url=f"http://localhost:{runner.addresses[0][1]}/hubspot",
            ),
            hubspot.portal,
            clock,
        )
    await runner.cleanup()


async def test_a_listing_has_every_mail_channel_and_inbox(desk: Desk) -> None:
    """Chat has no mailbox that could be disconnected."""
    listing = await desk.client.listing()
    assert [it.address for it in listing.accounts] == [
        "support@acme.example",
        "billing@acme.example",
        "sales@acme.example",
        "help@acme.example",
        "support@341662569.hubspot-inbox.com",
    ]
    assert {it.name: it.type for it in listing.inboxes}["Help desk"] == "HELP_DESK"
    assert all(it.is_active and it.is_authorized and not it.is_archived for it in listing.accounts)


async def test_what_is_archived_is_listed_apart(desk: Desk) -> None:
    """HubSpot's ``archived=true`` answers only those."""
    desk.portal.archive_inbox(101)
    archived, rest = await desk.client.archived_inboxes(), await desk.client.listing()
    assert [it.id for it in archived] == ["101"]
    assert "101" not in {it.id for it in rest.inboxes}
    assert "101" not in {it.inbox_id for it in rest.accounts}


async def test_a_thousand_channels_take_eleven_requests(desk: Desk) -> None:
    """Ten pages and the inboxes."""
    for number in range(995):
        desk.portal.add(f"team{number}@acme.example")
    listing = await desk.client.listing()
    assert len(listing.accounts) == 1_000
    assert desk.client.requests == 11


async def test_a_portal_says_where_it_is_and_who_its_super_admins_are(desk: Desk) -> None:
    """Everything that a button, and whoever is told, depends on."""
    details = await desk.client.details()
    assert (details.portal_id, details.hosting, details.time_zone) == ("341662569", "eu1", "Europe/Berlin")
    supers = {it.email for it in await desk.client.users() if it.is_super_admin}
    assert supers == {"sakura@acme.example", "o.haddad@acme-group.example"}
    assert (await desk.client.channels())[EMAIL_CHANNEL] == "Email"


@pytest.mark.parametrize("what", sorted(set(FAULTS) - {"refused", "forbidden"}))
async def test_whatever_is_wrong_with_hubspot_is_no_listing(desk: Desk, what: str) -> None:
    """No answer is read as *everything is gone*, and none is anybody's matter."""
    for number in range(150):
        desk.portal.add(f"team{number}@acme.example")
    desk.breaks(what)
    with pytest.raises(ProviderUnavailable) as caught:
        await desk.client.listing()
    assert TOKEN not in repr(caught.value)


@pytest.mark.parametrize(
    ("what", "wait"),
    [
        ("burst", timedelta(seconds=10)),
        ("burst_timed", timedelta(seconds=30)),
        ("secondly", timedelta(seconds=1)),
        ("locked", timedelta(seconds=2)),
        ("moving", timedelta(minutes=10)),
        ("error", None),
    ],
)
async def test_how_long_hubspot_is_left_alone(desk: Desk, what: str, wait: timedelta | None) -> None:
    """As it says; or as it documents, where it does not say."""
    desk.breaks(what)
    with pytest.raises(ProviderUnavailable) as caught:
        await desk.client.listing()
    assert caught.value.retry_after == wait


async def test_the_daily_limit_lasts_until_the_portals_midnight(desk: Desk) -> None:
    """Not ours."""
    await desk.client.details()
    desk.breaks("daily")
    with pytest.raises(ProviderUnavailable) as caught:
        await desk.client.listing()
    assert caught.value.code == DAILY_LIMIT
    assert caught.value.retry_after == until_midnight(NOW, "Europe/Berlin")


def test_midnight_is_the_zones() -> None:
    """And UTC's, where the zone is none."""
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert until_midnight(noon, "Asia/Tokyo") == timedelta(hours=3)
    assert until_midnight(noon, "../etc/passwd") == timedelta(hours=12)
    assert until_midnight(noon, "") == timedelta(hours=12)


@pytest.mark.parametrize(
    ("what", "code"), [("half", INCOMPLETE), ("no_total", INCOMPLETE), ("odd_record", UNEXPECTED)]
)
async def test_half_a_listing_is_none(desk: Desk, what: str, code: str) -> None:
    """As many rows as HubSpot says, each with what it is judged by."""
    desk.breaks(what)
    with pytest.raises(ProviderUnavailable) as caught:
        await desk.client.listing()
    assert caught.value.code == code


async def test_a_token_that_is_refused_is_the_operators_matter(desk: Desk) -> None:
    """Whatever else is wrong."""
    desk.portal.tokens.clear()
    with pytest.raises(ProviderMisconfigured) as caught:
        await desk.client.listing()
    assert caught.value.code == "unauthorized"
    assert TOKEN not in repr(caught.value)


async def test_a_missing_scope_is_named(desk: Desk) -> None:
    """So that the operator knows what to tick."""
    desk.portal.tokens[TOKEN].discard("conversations.read")
    with pytest.raises(PermissionMissing) as caught:
        await desk.client.listing()
    assert caught.value.scopes == {"conversations.read"}


async def test_either_of_two_tokens_will_do(desk: Desk) -> None:
    """During a rotation: the new one first, then the old one is withdrawn."""
    desk.client.tokens = [Secret(TOKEN), Secret(NEW)]
    await desk.client.listing()
    desk.portal.rotate(NEW)
    del desk.portal.tokens[TOKEN]
    assert len((await desk.client.listing()).accounts) == 5
    made = desk.client.requests
    await desk.client.listing()
    assert desk.client.requests == made + 2  # the dead one is not asked again


async def test_a_listing_is_never_of_two_tokens(desk: Desk) -> None:
    """One that is refused between two pages is read anew: the other token may open another portal."""
    for number in range(150):
        desk.portal.add(f"team{number}@acme.example")
    desk.client.tokens = [Secret(TOKEN), Secret(NEW)]
    desk.portal.rotate(NEW)
    pages = 0

    def dies_after_a_page() -> str:
        nonlocal pages
        pages += 1
        if pages == 2:
            del desk.portal.tokens[TOKEN]
            return "refused"
        return ""

    desk.portal.weather = dies_after_a_page
    listing = await desk.client.listing()
    assert len(listing.accounts) == 155
    assert desk.client.switches == 1
    assert pages == 4 + 3  # to its end with the other token, and all of it once more
    assert desk.portal.forbidden == []


async def test_more_than_a_burst_is_refused(desk: Desk) -> None:
    """The stand-in counts as HubSpot does."""
    for _ in range(50):
        await desk.client.listing()
    with pytest.raises(ProviderUnavailable):
        await desk.client.listing()
    desk.clock.advance(timedelta(seconds=11))
    await desk.client.listing()


async def test_a_version_that_does_not_exist_is_the_operators_matter(desk: Desk) -> None:
    """The address is a setting."""
    desk.client.api_url += "/conversations"
    with pytest.raises(ProviderMisconfigured):
        await desk.client.listing()


async def test_messages_are_never_asked_for(desk: Desk) -> None:
    """Although the token could read them."""
    await desk.client.listing()
    await desk.client.archived_inboxes()
    await desk.client.details()
    await desk.client.users()
    await desk.client.channels()
    assert desk.portal.forbidden == []


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"context": {"requiredGranularScopes": ["conversations.read"]}}]},
        {"context": {"missingScopes": ["conversations.read"]}},
        {"context": {"requiredScopes": [["conversations.read"]]}},
    ],
)
def test_scopes_are_found_in_every_shape(body: dict[str, object]) -> None:
    """HubSpot has had three of them."""
    assert scopes_in(body) == {"conversations.read"}


@pytest.mark.parametrize(
    "body",
    [{}, {"errors": 5}, {"errors": [None, {"context": []}]}, {"context": {"missingScopes": ["<@U1>", 3]}}],
)
def test_whatever_else_stands_there_is_no_scope(body: dict[str, object]) -> None:
    """It would be shown to people."""
    assert scopes_in(body) == frozenset()


class Canned(HttpClient):
    """A HubSpot that answers everything with one body."""

    def __init__(self, status: int, body: bytes) -> None:
        self._reply = HttpReply(status, {"Retry-After": "soon"}, body)

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpReply:
        return self._reply


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["results", "total", "paging", "next", "after", "id", "inboxId", "active", "authorized"]
            )
            | st.sampled_from(
                ["errors", "context", "requiredGranularScopes", "policyName", "portalId", "email"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(body=JSON, status=st.sampled_from([200, 201, 301, 400, 403, 404, 418, 429, 477, 502]))
async def test_whatever_is_answered_it_is_a_listing_or_an_error_of_ours(body: object, status: int) -> None:
    """No shape of an answer is a bug."""
    client = HubSpotClient(Canned(status, json.dumps(body).encode()), [Secret(TOKEN)], lambda: NOW)
    for read in (client.listing, client.archived_inboxes, client.details, client.users, client.channels):
        with suppress(ProviderError):
            await read()


async def test_what_cannot_be_stored_is_not_read(desk: Desk) -> None:
    """JSON may hold half a character, and a NUL; names may be as long as somebody likes."""
    desk.portal.change("support@acme.example", name="a\ud800b\0c" + "x" * 5_000)
    [name] = {
        it.name for it in (await desk.client.listing()).accounts if it.address == "support@acme.example"
    }
    assert name.startswith("a?bc")
    assert len(name) < 400
