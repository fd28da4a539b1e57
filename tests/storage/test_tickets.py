"""Tickets and links: for one browser, once, for a quarter of an hour."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.domain.grant import Secret
from bot.domain.ids import ChannelId, DownloadId, IncidentId, LinkId, TicketId, UserId
from bot.domain.ticket import RENEWABLE_FOR, Download, File, Link, OutcomeKind, Ticket, TicketOutcome
from storage import Storage
from storage.retention import DOWNLOADS_KEPT_FOR
from tests.inboxes import with_changes
from tests.storage.builders import ANA, MINUTE, NOW, WORKSPACE, a_ticket

MINE, OTHER = "my browser", "another browser"
LATER = NOW + 15 * MINUTE


async def keep(storage: Storage, *tickets: Ticket) -> None:
    async with storage.writing() as uow:
        for ticket in tickets:
            await uow.tickets.add(ticket)
        await uow.commit()


async def spend(storage: Storage, ticket: Ticket, browser: str = MINE) -> Ticket | None:
    async with storage.writing() as uow:
        spent = await uow.tickets.spend(ticket.id, browser, NOW)
        await uow.commit()
    return spent


async def begun(storage: Storage) -> Ticket:
    ticket = a_ticket(channel_id=ChannelId("ch"), use="Invoices")
    await keep(storage, ticket)
    async with storage.writing() as uow:
        found = await uow.tickets.begin(ticket.id, MINE, NOW)
        await uow.commit()
    assert found == replace(ticket, browser=MINE)
    return found


async def test_a_ticket_belongs_to_the_browser_that_began_it(storage: Storage) -> None:
    """Which may begin it again; another one may neither begin nor spend it."""
    ticket = await begun(storage)
    async with storage.writing() as uow:
        assert await uow.tickets.begin(ticket.id, OTHER, NOW) is None
        assert await uow.tickets.spend(ticket.id, OTHER, NOW) is None
        assert await uow.tickets.begin(ticket.id, MINE, NOW) == ticket
        assert await uow.tickets.find(ticket.id) == ticket


async def test_a_ticket_that_was_not_begun_cannot_be_spent(storage: Storage) -> None:
    """A link preview's visit is no beginning."""
    ticket = a_ticket()
    await keep(storage, ticket)
    assert await spend(storage, ticket) is None


async def test_of_two_spenders_one_gets_it(storage: Storage) -> None:
    """A double click, or the provider's answer arriving twice."""
    ticket = await begun(storage)
    spent = await asyncio.gather(*(spend(storage, ticket) for _ in range(4)))
    assert [it for it in spent if it] == [ticket]


async def test_a_ticket_runs_out(storage: Storage) -> None:
    """It can still be found, to say so, until it is swept up."""
    ticket = await begun(storage)
    async with storage.writing() as uow:
        assert await uow.tickets.begin(ticket.id, MINE, LATER) is None
        assert await uow.tickets.spend(ticket.id, MINE, LATER) is None
        assert await uow.tickets.purge(LATER + RENEWABLE_FOR - MINUTE) == 0
        assert await uow.tickets.find(ticket.id) == ticket
        assert await uow.tickets.purge(LATER + RENEWABLE_FOR) == 1
        assert await uow.tickets.find(ticket.id) is None


async def test_an_expired_ticket_is_one_browsers(storage: Storage) -> None:
    """Nobody can claim it before it has expired, and then only who began it, or else who comes first."""
    mine, free = await begun(storage), replace(a_ticket(), id=TicketId("free"))
    async with storage.writing() as uow:
        await uow.tickets.add(free)
        assert await uow.tickets.claim_expired(mine.id, MINE, LATER - MINUTE) is None
        for one in (mine, free):
            assert await uow.tickets.claim_expired(one.id, MINE, LATER) == replace(one, browser=MINE)
            assert await uow.tickets.claim_expired(one.id, OTHER, LATER) is None


async def test_a_modal_waits_for_one_ticket(storage: Storage) -> None:
    """The one it shows now: what an earlier one comes to would overwrite it."""
    first, second = await begun(storage), replace(a_ticket(), id=TicketId("second"))
    async with storage.writing() as uow:
        await uow.tickets.add(second)
        for one in (first, second):
            await uow.tickets.set_view(one.id, "V1")
        views = [getattr(await uow.tickets.find(one.id), "view_id", "") for one in (first, second)]
    assert views == [None, "V1"]


async def test_the_waiting_modal_is_remembered(storage: Storage) -> None:
    """So that it can be turned to what came of it."""
    ticket = await begun(storage)
    async with storage.writing() as uow:
        await uow.tickets.set_view(ticket.id, "V1")
        assert await uow.tickets.find(ticket.id) == replace(ticket, view_id="V1")


async def test_tickets_of_a_removed_channel_are_void(storage: Storage) -> None:
    """Others stay."""
    of_channel, other = a_ticket(channel_id=ChannelId("gone")), a_ticket(address="bob@x.org")
    await keep(storage, of_channel, other)
    async with storage.writing() as uow:
        await uow.tickets.void_of(ChannelId("gone"))
        assert await uow.tickets.find(of_channel.id) is None
        assert await uow.tickets.find(other.id) == other


async def test_tickets_that_lead_back_are_taken_away_and_told(storage: Storage) -> None:
    """Of a switched channel: those to any other provider, whole, so that their outcome can be kept."""
    switched = ChannelId("switched")
    back, there, other = a_ticket(channel_id=switched), a_ticket(channel_id=switched), a_ticket()
    there = with_changes(there, provider="microsoft")
    await keep(storage, back, there, other)
    async with storage.writing() as uow:
        assert await uow.tickets.void_elsewhere(switched, "microsoft") == (back,)
        assert await uow.tickets.find(back.id) is None
        assert [await uow.tickets.find(one.id) for one in (there, other)] == [there, other]


async def test_an_outcome_is_for_the_browser_that_spent_the_ticket(storage: Storage) -> None:
    """A reload shows it again; the verifier is not kept, and after a while nothing is."""
    ticket = await begun(storage)
    assert await spend(storage, ticket)
    outcome = TicketOutcome(
        stands=True,
        ticket=ticket,
        ending=OutcomeKind.PERMISSION_WITHHELD,
        at=NOW,
        signed_in="bob@x.org",
        missing=frozenset({"mail", "openid"}),
        code="withheld",
    )
    shown = replace(outcome, ticket=replace(ticket, verifier=Secret(""), nonce=""))
    async with storage.writing() as uow:
        await uow.tickets.keep(replace(outcome, ending=OutcomeKind.PENDING), LATER)
        assert await uow.tickets.pending() == (replace(shown, ending=OutcomeKind.PENDING),)
        await uow.tickets.keep(outcome, LATER)
        assert await uow.tickets.pending() == ()
        assert await uow.tickets.outcome(ticket.id, MINE, NOW) == shown
        assert await uow.tickets.outcome(ticket.id, OTHER, NOW) is None
        assert await uow.tickets.outcome(ticket.id, MINE, LATER) is None
        assert await uow.tickets.outcome_of(ticket.id) == shown
        assert await uow.tickets.was_spent(ticket.id)
        assert await uow.tickets.purge(LATER) == 1
        assert not await uow.tickets.was_spent(ticket.id)


async def test_a_person_has_one_link_per_incident(storage: Storage) -> None:
    """It says the same at every edit of the message, and dies with the incident."""
    link = Link(
        id=LinkId("l1"),
        workspace_id=WORKSPACE,
        user_id=ANA,
        incident_id=IncidentId("i1"),
        channel_id=ChannelId("ch"),
        secret=Secret("in the address"),
        created_at=NOW,
    )
    async with storage.writing() as uow:
        await uow.links.add_all([link, replace(link, id=LinkId("l3"), user_id=UserId("UBOB"))])
        await uow.links.add_all([replace(link, id=LinkId("l2"))])
        assert await uow.links.of_reader(ANA, [link.incident_id]) == {link.incident_id: link}
        assert await uow.links.find(link.id) == link
        await uow.links.void_of(link.channel_id)
        assert await uow.links.find(link.id) is None
        assert await uow.links.of_reader(ANA, [link.incident_id]) == {}


async def test_a_download_is_taken_once_by_whoever_asks_first(storage: Storage) -> None:
    """Also when two browsers ask in the same moment; a day after it ran out nothing is known of it."""
    asked = Download(DownloadId("d1"), WORKSPACE, ANA, File.HISTORY, "ja", NOW, LATER)
    async with storage.writing() as uow:
        await uow.downloads.add(asked)
        await uow.commit()

    async def takes(browser: str) -> bool:
        async with storage.writing() as uow:
            is_taken = await uow.downloads.take(asked.id, browser)
            await uow.commit()
        return is_taken

    assert sorted(await asyncio.gather(takes(MINE), takes(OTHER))) == [False, True]
    async with storage.writing() as uow:
        assert await uow.downloads.find(asked.id) == asked
        had = [await uow.downloads.has(asked.id, browser) for browser in (MINE, OTHER)]
        assert sorted(had) == [False, True]
        assert await uow.retention.purge("download", LATER + DOWNLOADS_KEPT_FOR, limit=9) == 0
        assert await uow.retention.purge("download", LATER + DOWNLOADS_KEPT_FOR + MINUTE, limit=9) == 1
        assert await uow.downloads.find(asked.id) is None
