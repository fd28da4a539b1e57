"""The workspace everybody starts with: Acme, its people and its conversations."""

from __future__ import annotations

from dataclasses import replace

from sandbox.clock import SandboxClock
from sandbox.slack.state import Conversation, Person, UserGroup, Workspace

TEAM_ID = "T0ACME"
APP_ID = "A0INBOXKEEPER"
BOT_USER = "U0BOT"
BOT_ID = "B0BOT"
BOT_NAME = "Inboxkeeper"
SLACKBOT = "USLACKBOT"


def acme(clock: SandboxClock) -> Workspace:
    workspace = Workspace(clock=clock, team_id=TEAM_ID, name="Acme", domain="acme")
    for person in _people():
        workspace.people[person.id] = person
    humans = {p.id for p in workspace.people.values() if p.is_human}
    members = {p.id for p in workspace.people.values() if p.is_human and not p.is_restricted}
    for conversation in (
        Conversation(id="C0GENERAL", name="general", members=set(humans)),
        Conversation(id="C0SUPPORT", name="support", members=set(members)),
        Conversation(id="C0SALES", name="sales", members=set(members)),
    ):
        workspace.conversations[conversation.id] = conversation
    workspace.usergroups["S0MAIL"] = UserGroup(
        id="S0MAIL", handle="mail-admins", name="Mail admins", users=["U0SAKURA", "U0OMAR"]
    )
    return workspace


def _people() -> list[Person]:
    sakura = Person(id="U0SAKURA", name="sakura", real_name="Sakura Sato", email="sakura@acme.example")
    omar = Person(id="U0OMAR", name="omar", real_name="Omar Haddad", email="omar@acme.example")
    alice = Person(id="U0ALICE", name="alice", real_name="Alice Martin", email="alice@acme.example")
    kenji = Person(id="U0KENJI", name="kenji", real_name="Kenji Mori", email="kenji@acme.example")
    gus = Person(id="U0GUS", name="gus", real_name="Gus Guest", email="gus@partner.example")
    bot = Person(id=BOT_USER, name="inboxkeeper", real_name=BOT_NAME, email="", is_bot=True)
    slackbot = Person(id=SLACKBOT, name="slackbot", real_name="Slackbot", email="")
    owner = replace(sakura, is_admin=True, is_owner=True, is_primary_owner=True)
    guest = replace(gus, is_restricted=True)
    return [_in_tokyo(owner), replace(omar, is_admin=True), alice, _in_tokyo(kenji), guest, bot, slackbot]


def _in_tokyo(person: Person) -> Person:
    return replace(
        person, locale="ja-JP", tz="Asia/Tokyo", tz_label="Japan Standard Time", tz_offset=9 * 3600
    )


def newcomer(number: int) -> Person:
    """The n-th of the people added on demand, for storms and long lists."""
    return Person(
        id=f"U1EXTRA{number:05d}",
        name=f"extra{number}",
        real_name=f"Extra Person {number}",
        email=f"extra{number}@acme.example",
    )
