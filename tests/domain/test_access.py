"""Who may do what, row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.access import (
    Actor,
    Operation,
    Person,
    Right,
    Role,
    may,
    right,
    right_to_connect,
    super_admins_among,
)
from bot.domain.address import same_address
from bot.domain.channel import Kind
from bot.domain.ids import UserId, WorkspaceId
from tests.storage.builders import WORKSPACE, a_channel, a_team_channel

OWNER, CONNECTOR = UserId("UOWNER"), UserId("UCONNECTOR")
PERSONAL = a_channel(owner_id=OWNER, connected_by=OWNER)
TEAM = a_team_channel(connected_by=CONNECTOR)

SEE, DISABLE, ENABLE, REMOVE, RECONNECT, SWITCH = (
    Operation.SEE,
    Operation.DISABLE,
    Operation.ENABLE,
    Operation.REMOVE,
    Operation.RECONNECT,
    Operation.SWITCH,
)
EDIT = Operation.EDIT
OWN = frozenset({SEE, DISABLE, ENABLE, REMOVE, RECONNECT, SWITCH, EDIT})
TAKE = frozenset({Operation.CONNECT, Operation.TAKE_OVER, EDIT})
WISHES = frozenset({Operation.CONNECT, DISABLE, ENABLE, REMOVE, SWITCH})
NONE: frozenset[Operation] = frozenset()


def a_person(user: str = "USOMEBODY", **changes: Any) -> Person:
    return replace(Person(UserId(user), WORKSPACE, email=f"{user.lower()}@example.com"), **changes)


def an_actor(user: str, *, admin: bool = False, access: bool = False, **changes: Any) -> Actor:
    return Actor(a_person(user, **changes), is_super_admin=admin, has_account_access=access)


TABLE: list[tuple[str, Actor, frozenset[Operation], frozenset[Operation]]] = [
    # who, what they may do at once: to a personal inbox, to a team channel
    ("the owner", an_actor("UOWNER"), OWN, frozenset({SEE, RECONNECT})),
    ("the connector of the team channel", an_actor("UCONNECTOR"), NONE, frozenset({SEE, RECONNECT, EDIT})),
    ("another member", an_actor("UMEMBER"), NONE, frozenset({SEE, RECONNECT})),
    ("account access", an_actor("UACCESS", access=True), NONE, OWN | {Operation.CONNECT}),
    (
        "a super admin",
        an_actor("UADMIN", admin=True),
        TAKE | {SEE, DISABLE, REMOVE},
        OWN | {Operation.CONNECT},
    ),
    ("a super admin's own inbox", an_actor("UOWNER", admin=True), TAKE | OWN, OWN | {Operation.CONNECT}),
    (
        "whose address it is",
        an_actor("UELSE", email=PERSONAL.address),
        frozenset({SEE, DISABLE, REMOVE}),
        frozenset({SEE, RECONNECT}),
    ),
    ("a guest who owns it", an_actor("UOWNER", is_guest=True), NONE, NONE),
    ("a guest called super admin", an_actor("UADMIN", admin=True, is_guest=True), NONE, NONE),
    ("a deactivated owner", an_actor("UOWNER", is_deleted=True), NONE, NONE),
    ("a bot", an_actor("UOWNER", is_bot=True), NONE, NONE),
    (
        "a super admin of another workspace",
        an_actor("UADMIN", admin=True, workspace_id=WorkspaceId("T2")),
        NONE,
        NONE,
    ),
    (
        "somebody of another workspace with the same id",
        an_actor("UOWNER", workspace_id=WorkspaceId("T2")),
        NONE,
        NONE,
    ),
]


@pytest.mark.parametrize(("actor", "personal", "team"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_what_everybody_may_do(
    actor: Actor, personal: frozenset[Operation], team: frozenset[Operation]
) -> None:
    """The whole table of rights: what is not in a row is forbidden, or must be asked for."""
    assert {operation for operation in Operation if may(actor, operation, PERSONAL)} == set(personal)
    assert {operation for operation in Operation if may(actor, operation, TEAM)} == set(team)


def test_what_a_member_may_wish_for() -> None:
    """Changing a team channel takes an admin's approval; somebody's personal inbox is no wish of others."""
    member = an_actor("UMEMBER")
    wished = {operation for operation in Operation if right(member, operation, TEAM) is Right.ON_REQUEST}
    assert wished == set(WISHES)
    assert {d for d in Operation if right(member, d, PERSONAL) is Right.ON_REQUEST} == {Operation.CONNECT}


def test_whoever_holds_no_role_may_not_even_ask() -> None:
    """Guests and people of other workspaces get a refusal, not a form."""
    guest = an_actor("UGUEST", is_guest=True)
    assert guest.roles(TEAM) == frozenset()
    assert all(
        right(guest, operation, channel) is Right.NONE
        for operation in Operation
        for channel in (PERSONAL, TEAM)
    )
    assert Role.MEMBER in an_actor("UMEMBER").roles()


def test_having_connected_a_personal_inbox_gives_no_rights_to_it() -> None:
    """A personal inbox belongs to its owner, whoever pressed the button."""
    taken_over = replace(PERSONAL, connected_by=CONNECTOR)
    assert not any(may(an_actor("UCONNECTOR"), operation, taken_over) for operation in Operation)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ana@gmail.com", "ana@googlemail.com", True),
        ("Ana@GoogleMail.com", "ana@GMAIL.com", True),
        (" ana@acme.example ", "ANA@acme.example", True),
        ("ana@acme.example", "ana@acme.test", False),
        ("ana@gmail.com", "ana@gmail.com.evil.example", False),
        ("googlemail.com@evil.example", "gmail.com@evil.example", False),
        ("a.na@gmail.com", "ana@gmail.com", True),
        ("a.n.a@googlemail.com", "ana@gmail.com", True),
        ("a.na@acme.example", "ana@acme.example", False),
        ("ana+bills@gmail.com", "ana@gmail.com", False),
        ("a.na+bills@gmail.com", "ana+bills@gmail.com", True),
        ("ana+b.ills@gmail.com", "ana+bills@gmail.com", False),
        ("a.na@gmail.com.example", "ana@gmail.com.example", False),
        ("a.na@sub.gmail.com", "ana@sub.gmail.com", False),
        ("straße@acme.example", "strasse@acme.example", False),
        ("ana@straße.example", "ana@strasse.example", False),
        ("ana@straße.example", "ANA@xn--strae-oqa.EXAMPLE", True),
        ("ana@bücher.example", "ana@xn--bcher-kva.example", True),
        ("ana@BÜCHER。example", "ana@bücher.example.", True),
        ("ana@οδος.example", "ana@οδοσ.example", False),
        ("ana@نامه\u200cای.example", "ana@نامهای.example", False),
        ("an\u200ba@acme.example", "ana@acme.example", True),
        ("ana@a\u200dcme.example", "ana@acme.example", True),
        ("ａｎａ＠acme.example", "ana@acme.example", True),
        ("", "", False),
        ("ana@acme.example", "", False),
    ],
)
def test_when_two_addresses_are_one(one: str, other: str, same: bool) -> None:
    """Case, width, blanks and what nobody sees make no difference, nor do dots and names at Gmail; a domain
    is one with its form in the DNS and with no other. Nothing equals nothing."""
    assert same_address(one, other) is same
    assert same_address(other, one) is same


def test_only_the_address_slack_knows_is_connected_at_once() -> None:
    """One's own Slack address needs nobody's approval; any other, and a team's, needs an admin."""
    member, personal, team = an_actor("UMEMBER", email="mia@gmail.com"), Kind.PERSONAL, Kind.TEAM
    assert right_to_connect(member, personal, "mia@googlemail.com") is Right.AT_ONCE
    assert right_to_connect(member, personal, "sales@acme.example") is Right.ON_REQUEST
    assert right_to_connect(member, team, "mia@gmail.com") is Right.ON_REQUEST
    assert right_to_connect(an_actor("UMEMBER", email=""), personal, "") is Right.ON_REQUEST
    assert right_to_connect(an_actor("UADMIN", admin=True), personal, "sales@acme.example") is Right.AT_ONCE
    assert right_to_connect(an_actor("UACCESS", access=True), team, "sales@acme.example") is Right.AT_ONCE
    assert right_to_connect(an_actor("UACCESS", access=True), personal, "a@b.test") is Right.ON_REQUEST
    guest = an_actor("UGUEST", is_guest=True, email="gus@acme.example")
    assert right_to_connect(guest, personal, "gus@acme.example") is Right.NONE


class TestSuperAdmins:
    """``SUPER_ADMINS`` if any is active, else the chosen, else Slack's owners and admins."""

    owner = a_person("USLACKOWNER", is_owner=True)
    named = a_person("UNAMED")
    chosen = a_person("UCHOSEN")
    people = (owner, named, chosen, a_person("UMEMBER"))

    def _ids(self, people: tuple[Person, ...], fixed: str = "", chosen: str = "") -> list[str]:
        found = super_admins_among(
            people,
            fixed=frozenset(map(UserId, fixed.split())),
            chosen=frozenset(map(UserId, chosen.split())),
        )
        return [person.id for person in found]

    def test_fixed_ones_come_first(self) -> None:
        """The operator's setting beats what was chosen in Slack."""
        assert self._ids(self.people, "UNAMED", "UCHOSEN") == ["UNAMED"]

    def test_chosen_ones_come_second(self) -> None:
        """Without a setting, those chosen in Slack."""
        assert self._ids(self.people, "", "UCHOSEN") == ["UCHOSEN"]

    def test_slack_owners_come_last(self) -> None:
        """Nobody named: the people who administer the Slack workspace."""
        assert self._ids(self.people) == ["USLACKOWNER"]

    def test_a_named_set_that_left_locks_nobody_out(self) -> None:
        """If nobody of a set is still active, the next set applies."""
        left = tuple(replace(p, is_deleted=True) if p.id == "UNAMED" else p for p in self.people)
        assert self._ids(left, "UNAMED", "UCHOSEN") == ["UCHOSEN"]
        assert self._ids(left, "UNAMED USTRANGER") == ["USLACKOWNER"]

    def test_guests_and_bots_are_never_super_admins(self) -> None:
        """Even if somebody names them, or Slack flags them."""
        guest = replace(self.owner, is_guest=True)
        assert self._ids((guest, replace(self.named, is_bot=True)), "UNAMED") == []


def test_a_team_channel_has_no_owner() -> None:
    """The builders stand on what the database holds: personal has an owner, team has none."""
    assert TEAM.kind is Kind.TEAM
    assert TEAM.owner_id is None
