"""One mailbox under several spellings is one; two that look alike are two."""

from __future__ import annotations

import pytest

from bot.domain.channel import InboxSpec, Kind
from bot.domain.errors import InOrder
from bot.domain.ticket import OutcomeKind
from bot.domain.view_models import AuthorizationStart
from tests.services.play import Play, on_both


@pytest.mark.parametrize(
    ("typed", "account"),
    [
        ("aliceprivate@gmail.com", "alice.private@gmail.com"),
        ("a.lice.private@googlemail.com", "aliceprivate@gmail.com"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@straße.example", "info@xn--strae-oqa.example"),
    ],
)
@on_both
async def test_an_account_owns_every_spelling_of_its_address(play: Play, typed: str, account: str) -> None:
    """Connected as it was typed, it is found under the other spelling: it is there, and can be renewed."""
    has_account(play, account)
    first = await play.signs_in(await a_wish(play, typed), account)
    assert first.ending is OutcomeKind.CONNECTED
    channel = await play.channel(account)
    assert channel is not None
    assert channel.address == typed
    with pytest.raises(InOrder) as there:
        await a_wish(play, account)
    assert there.value.channel.id == channel.id
    again = await play.signs_in(await play.reconnect("omar", channel), account)
    assert again.ending is OutcomeKind.RECONNECTED
    async with play.storage.reading() as uow:
        assert len(await uow.channels.all(channel.workspace_id)) == 1


@pytest.mark.parametrize(
    ("typed", "account"),
    [
        ("s.ales@acme.example", "sales@acme.example"),
        ("aliceprivate+news@gmail.com", "aliceprivate@gmail.com"),
        ("info@straße.example", "info@strasse.example"),
    ],
)
async def test_an_address_that_only_looks_alike_is_somebody_elses(
    play: Play, typed: str, account: str
) -> None:
    """Dots count beyond Gmail's own domains, a tag is part of the address, no letter becomes another."""
    has_account(play, account)
    outcome = await play.signs_in(await a_wish(play, typed), account)
    assert (outcome.ending, outcome.signed_in) == (OutcomeKind.WRONG_MAILBOX, account)


async def test_a_copied_address_with_something_invisible_is_the_plain_one(play: Play) -> None:
    """Whoever copied it from a web page signs in to the mailbox that they see."""
    play.google.accounts.add("help@acme.example")
    begun = await a_wish(play, "he\u200blp@acme.example\ufeff")
    assert begun.address == "help@acme.example"
    assert (await play.signs_in(begun)).ending is OutcomeKind.CONNECTED


async def a_wish(play: Play, typed: str) -> AuthorizationStart:
    plan = InboxSpec(typed, Kind.TEAM, provider="google")
    return await play.services.connections.begin(await play.actor("omar"), plan)


def has_account(play: Play, address: str) -> None:
    if play.google.accounts.find(address) is None:
        play.google.accounts.add(address)


@on_both
async def test_nothing_invisible_is_kept_of_what_people_write(play: Play) -> None:
    """No database takes NUL, and a name that runs backwards misleads; emoji stay whole."""
    plan = InboxSpec(
        "sales@acme.example",
        Kind.TEAM,
        use="Zen\x00desk\u202e ❤️",
        name="\u200bSales 👩\u200d💻",
        provider="google",
    )
    has_account(play, plan.address)
    begun = await play.services.connections.begin(await play.actor("omar"), plan)
    assert (await play.signs_in(begun)).ending is OutcomeKind.CONNECTED
    channel = await play.channel("sales@acme.example")
    assert channel is not None
    assert (channel.use, channel.name) == ("Zendesk ❤️", "Sales 👩\u200d💻")
