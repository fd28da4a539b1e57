"""Where an address's mail goes: what counts as news, and what does not."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.address import DAILY, MailRouting, after_look, settled
from bot.domain.ids import ChannelId
from tests.storage.builders import NOW

C = ChannelId("c1")
DAY = DAILY


def looked(*answers: str | None, home: str = "google", every: timedelta = DAY) -> list[MailRouting | None]:
    """What was known after each of these looks."""
    known: MailRouting | None = None
    states = []
    for number, seen in enumerate(answers):
        known = after_look(known, C, home=home, seen=seen, now=NOW + number * every)
        states.append(known)
    return states


def last(*answers: str | None, home: str = "google", every: timedelta = DAY) -> MailRouting:
    known = looked(*answers, home=home, every=every)[-1]
    assert known is not None
    return known


def test_a_move_counts_once_two_looks_a_day_apart_agree() -> None:
    """The first sight of it is no news yet; the second is, as of then."""
    first = last("google", "microsoft")
    assert (first.place, first.has_left) == ("google", False)
    second = last("google", "microsoft", "microsoft")
    assert (second.place, second.left_at) == ("microsoft", NOW + 2 * DAY)


@pytest.mark.parametrize(
    "answers",
    [
        ("google", "microsoft", "google", "microsoft", "google"),
        ("google", "microsoft", "imap", "microsoft", "imap"),
        ("google", None, None, None),
        ("google", "microsoft", None, "google"),
        ("microsoft", "google", "google"),
        ("microsoft", "microsoft", "microsoft"),
    ],
)
def test_what_alarms_nobody(answers: tuple[str | None, ...]) -> None:
    """Single answers, silence, a bad first answer, and mail that was elsewhere from the beginning."""
    assert not last(*answers).has_left


def test_silence_between_two_looks_does_not_part_them() -> None:
    """A name server that fails is no news, in neither direction."""
    assert last("google", "microsoft", None, "microsoft").has_left


def test_looking_often_is_not_looking_on_another_day() -> None:
    """However often the same wrong answer is had within hours, it counts once."""
    assert not last("google", *["microsoft"] * 9, every=timedelta(hours=2)).has_left
    assert last("google", *["microsoft"] * 13, every=timedelta(hours=2)).has_left


def test_mail_that_goes_on_elsewhere_is_still_away_since_it_left() -> None:
    """One journey, however many places."""
    known = last("google", "microsoft", "microsoft", "imap", "imap")
    assert (known.place, known.left_at) == ("imap", NOW + 2 * DAY)


def test_mail_that_comes_back_is_back_only_after_two_looks() -> None:
    """The way back is as slow as the way out."""
    away = ("google", "microsoft", "microsoft", "google")
    assert last(*away).has_left
    assert not last(*away, "google").has_left


def test_a_switch_settles_it() -> None:
    """Whoever switched knows where the mail goes: that it is there is nothing that has moved."""
    away = last("google", "imap", "imap")
    assert not settled(away).has_left
    assert settled(away).place == "imap"


def test_nothing_new_changes_nothing() -> None:
    """A look that finds all as before need not be written."""
    known = last("google")
    assert after_look(known, C, home="google", seen="google", now=NOW + 9 * DAY) == known
    assert after_look(None, C, home="google", seen=None, now=NOW) is None


def test_the_pace_of_the_looks_decides_what_is_another_one() -> None:
    """Where they are made every minute, the next minute's counts."""
    every = timedelta(minutes=1)
    known = after_look(None, C, home="google", seen="google", now=NOW, every=every)
    for minute in (1, 2):
        at = NOW + minute * every
        known = after_look(known, C, home="google", seen="microsoft", now=at, every=every)
    assert known is not None
    assert known.has_left


@given(st.lists(st.sampled_from(["google", "microsoft", "imap", None]), max_size=30))
def test_the_place_always_was_seen_twice_running(answers: list[str | None]) -> None:
    """Whatever the answers: where the mail is said to be, two answers in a row had it (or the very first),
    and it has left only if it is not at home."""
    told = [one for one in answers if one is not None]
    known: MailRouting | None = None
    at: datetime = NOW
    for seen in answers:
        known = after_look(known, C, home="google", seen=seen, now=at)
        at += DAILY
    if known is None:
        assert not told
        return
    pairs = list(pairwise(told))
    assert known.place == told[0] or (known.place, known.place) in pairs
    assert not (known.has_left and known.place == "google")
