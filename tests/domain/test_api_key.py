"""What a program's key looks like, and what it may be used for."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.api_key import ApiKey, OwnerAnswer, OwnerAsked, id_in, mint, network_of
from bot.domain.ids import ApiKeyId, ChannelId, UserId, WorkspaceId

NOW = datetime(2026, 11, 28, tzinfo=UTC)
KEY = ApiKey(
    id=ApiKeyId("abcdefgh"),
    workspace_id=WorkspaceId("T1"),
    name="Help desk",
    digest="",
    is_for_team=False,
    channels=frozenset({ChannelId("c1")}),
    features=frozenset({"crm"}),
    networks=(),
    created_by="operator",
    created_at=NOW,
    expires_at=NOW + timedelta(days=1),
)

ALICE, OMAR = UserId("U0ALICE"), UserId("U0OMAR")


def test_a_key_says_which_one_it_is_and_needs_no_encoding() -> None:
    """Programs post it as it is; its shape is what scanners and our own log look for."""
    key_id, secret = mint()
    assert re.fullmatch(r"ik_[a-z0-9]{8}_[A-Za-z0-9_-]{49}", secret.reveal())
    assert id_in(secret.reveal()) == key_id
    assert mint()[1] != secret


@given(st.integers(0, 60), st.sampled_from("abcXYZ019-_ é\n"))
def test_what_was_mistyped_is_no_key(at: int, letter: str) -> None:
    """One other character anywhere: told without asking the database."""
    text = mint()[1].reveal()
    wrong = text[:at] + letter + text[at + 1 :]
    assert wrong == text or id_in(wrong) is None


@pytest.mark.parametrize(
    "text", ["", "ik_", "x" * 10_000, "ik_abcdefgh_" + "a" * 49, "ik_abcdefgh_" + "é" * 49]
)
def test_what_is_none_is_no_key(text: str) -> None:
    """Anything may be sent as one."""
    assert id_in(text) is None


def test_a_key_ends() -> None:
    """By time, or because somebody took it back."""
    assert KEY.works(NOW)
    assert not KEY.works(KEY.expires_at)
    assert not replace(KEY, revoked_at=NOW).works(NOW)


@pytest.mark.parametrize(
    ("networks", "address", "is_fine"),
    [
        ((), "203.0.113.9", True),
        (("10.0.0.0/8",), "10.1.2.3", True),
        (("10.0.0.0/8",), "::ffff:10.1.2.3", True),
        (("10.0.0.0/8",), "203.0.113.9", False),
        (("10.0.0.0/8",), "", False),
        (("fd00::/8", "192.0.2.7"), "192.0.2.7", True),
        (("fd00::/8",), "fd00::1", True),
    ],
)
def test_a_key_may_be_bound_to_networks(networks: tuple[str, ...], address: str, is_fine: bool) -> None:
    """Also where the system writes an IPv4 address as an IPv6 one."""
    key = replace(KEY, networks=tuple(map(network_of, networks)))
    assert key.may_come_from(address) is is_fine


def test_personal_inboxes_are_never_seen() -> None:
    """Whatever a row says: their owners have not been asked."""
    assert KEY.may_see(ChannelId("c1"), owner_id=None)
    assert not KEY.may_see(ChannelId("c2"), owner_id=None)
    assert not KEY.may_see(ChannelId("c1"), owner_id=ALICE)
    everything = replace(KEY, is_for_team=True)
    assert everything.may_see(ChannelId("c2"), owner_id=None)
    assert not everything.may_see(ChannelId("c2"), owner_id=ALICE)


def test_a_personal_inbox_takes_the_word_of_whoever_owns_it_now() -> None:
    """Of nobody else, and only a yes; as a team address it needs none."""
    c1 = ChannelId("c1")
    for answer in OwnerAnswer:
        asked = replace(KEY, asked={c1: OwnerAsked(ALICE, answer)})
        assert asked.may_see(c1, owner_id=ALICE) is (answer is OwnerAnswer.ALLOWED)
        assert not asked.may_see(c1, owner_id=OMAR)
        assert not asked.may_see(ChannelId("c2"), owner_id=ALICE)
        assert asked.may_see(c1, owner_id=None)
    everything = replace(KEY, is_for_team=True, channels=frozenset())
    assert not everything.may_see(c1, owner_id=ALICE)
    assert not everything.names(c1, is_team=False)
