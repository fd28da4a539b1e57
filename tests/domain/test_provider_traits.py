"""Between which providers an inbox can be switched, and where else it could go."""

from __future__ import annotations

from itertools import product

import pytest

from bot.domain.provider_traits import Ways, may_switch, ways_from

KEYS = ("google", "microsoft", "imap")


def test_only_gmail_and_office_365_can_be_switched_between() -> None:
    """Either way round; to or from anything else one disconnects first, and nothing is switched to itself."""
    pairs = {pair for pair in product((*KEYS, "unheard-of"), repeat=2) if may_switch(*pair)}
    assert pairs == {("google", "microsoft"), ("microsoft", "google")}


@pytest.mark.parametrize(
    ("provider", "on", "ways"),
    [
        ("google", KEYS, Ways("microsoft", ("imap",))),
        ("microsoft", KEYS, Ways("google", ("imap",))),
        ("imap", KEYS, Ways(None, ("google", "microsoft"))),
        ("google", ("google", "imap"), Ways(None, ("imap",))),
        ("google", ("microsoft",), Ways("microsoft", ())),
    ],
)
def test_where_an_inbox_could_go(provider: str, on: tuple[str, ...], ways: Ways) -> None:
    """Only to providers that are on, the own one aside."""
    assert ways_from(provider, on) == ways
    assert ways


def test_an_inbox_at_the_only_provider_can_go_nowhere() -> None:
    """Then nothing is offered."""
    assert not ways_from("google", ("google",))
