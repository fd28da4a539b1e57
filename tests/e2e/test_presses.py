"""The five commonest deeds, counted in presses: they must not grow.

A press is whatever a hand does to go on: a button, a choice, a form sent off, a button on a page (ours or
the provider's). Typing is none, and neither is what nobody has to do.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.driver import Person
from tests.stage import Browser, Page, Stage

ALICE, SUPPORT = "alice@acme.example", "support@acme.example"


@pytest.fixture
def database_kind() -> str:
    """What is pressed is the same on both."""
    return "sqlite"


@dataclass
class Hand:
    """One person at a keyboard, and how often they have pressed."""

    stage: Stage
    person: Person
    browser: Browser
    presses: int = 0

    @classmethod
    def of(cls, stage: Stage, name: str) -> Hand:
        return cls(stage, stage.person(name), stage.browser())

    async def clicks(self, label: str, *, in_: str | None = None) -> str:
        """Returns where it leads, if it is a link."""
        self.presses += 1
        return (await self.person.clicks(label, in_=in_)).url or ""

    async def submits(self) -> None:
        self.presses += 1
        await self.person.submits()

    async def signs_in(self, url: str, account: str) -> Page:
        """Our page's button, then the provider's."""
        self.presses += 1
        consent = await self.browser.goes_to_consent(url)
        self.presses += 1
        return await self.stage.consents_at(consent, account, browser=self.browser)


async def test_an_inbox_is_connected_with_four_presses(stage: Stage) -> None:
    """The form, the way out of Slack, our page, the provider's."""
    hand = Hand.of(stage, "alice")
    await hand.person.types(f"/inbox connect {ALICE}")
    await hand.submits()
    await stage.link_in_modal("alice")
    page = await hand.signs_in(await hand.clicks("Open Google"), ALICE)
    assert "Connected ✓" in page.text and hand.presses <= 4


async def test_an_alarm_is_answered_with_three_presses(stage: Stage) -> None:
    """*Reconnect* in the message, our page, the provider's."""
    await stage.connected("alice")
    await stage.breaks(ALICE, minutes=21)
    hand = Hand.of(stage, "alice")
    page = await hand.signs_in(await hand.clicks("Reconnect", in_="dm"), ALICE)
    assert "Reconnected ✓" in page.text and hand.presses <= 3


async def test_an_inbox_is_enabled_with_one_press(stage: Stage) -> None:
    """On Home, in its row."""
    await stage.connected("alice")
    hand = Hand.of(stage, "alice")
    await hand.person.closes()
    await hand.person.types(f"/inbox disable {ALICE}")
    await hand.person.submits()
    await hand.person.closes()
    await hand.person.opens_home()
    await hand.person.until(lambda screen: screen.home and "[Enable]" in screen.home.plain)
    await hand.clicks("Enable", in_="home")
    assert "is enabled and works" in (await hand.person.sees()).plain and hand.presses == 1


async def test_an_outage_is_taken_on_with_one_press(stage: Stage) -> None:
    """*I'm on it*, in the alarm."""
    await stage.team_connected()
    await stage.breaks(SUPPORT, minutes=21)
    hand = Hand.of(stage, "omar")
    await hand.clicks("I'm on it", in_="dm")
    await stage.passes(seconds=5)
    assert "[Hand back]" in (await hand.person.sees()).dm.plain and hand.presses == 1


@pytest.mark.parametrize(("presses", "labels"), [(1, ("Approve and disable",)), (2, ("Decline…", ""))])
async def test_a_request_is_answered_with_one_press_or_two(
    stage: Stage, presses: int, labels: tuple[str, ...]
) -> None:
    """A yes at once; a no asks why not, which may be left open."""
    await stage.team_connected()
    alice, hand = stage.person("alice"), Hand.of(stage, "omar")
    await alice.types(f"/inbox disable {SUPPORT}")
    await alice.submits()
    await stage.passes(seconds=2)
    for label in labels:
        await (hand.clicks(label, in_="dm") if label else hand.submits())
    await stage.passes(seconds=2)
    outcome = "and done" if presses == 1 else "declined by @Omar Haddad"
    assert outcome in (await alice.sees()).dm.plain and hand.presses == presses
