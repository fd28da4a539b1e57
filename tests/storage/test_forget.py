"""Forgetting an address: no column of any table holds it afterwards, however it got there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import JSON, LargeBinary, Table, Text, select

from bot.domain.access import Person
from bot.domain.channel import State
from bot.domain.grant import Delegate, MailboxIdentity, Phase, Secret
from bot.domain.ids import ChannelId, GrantId, UserId
from storage import Storage
from storage.connection import Connection
from storage.files import FileLock
from storage.forget import ERASED, Forgotten, forget
from storage.tables import channel, grant, metadata
from tests.storage.builders import ANA, NOW, WORKSPACE, a_channel, a_grant, a_team_channel

pytestmark = pytest.mark.usefixtures("inline_sqlite")
SECRET = "jane.doe@acme.example"
SPELLINGS = (
    SECRET,
    "Jane.Doe@ACME.example",
    "ｊａｎｅ．ｄｏｅ＠ａｃｍｅ．ｅｘａｍｐｌｅ",
    "jane.\u200bdoe@acme.example",
    "jane.doe%40acme.example",
)
OTHERS = (
    "mary-jane.doe@acme.example",
    "jane.doe@acme.example.jp",
    "xjane.doe@acme.example",
    "jane.doe@sub.acme.example",
    "janedoe@acme.example",
    "jane.doe@acme.test",
)


def _filled(table: Table, text: str, number: int) -> dict[str, Any]:
    """A row whose every text is ``text``; what must be unique stays so by what stands behind it."""
    row: dict[str, Any] = {}
    for column in table.c:
        if isinstance(column.type, JSON):
            row[column.name] = {"said": [f"see {text}"], text: "yes"}
        elif isinstance(column.type, Text):
            row[column.name] = f"{text}:{number}" if column.primary_key or column.name == "id" else text
        elif isinstance(column.type, LargeBinary):
            row[column.name] = None if column.nullable else b"sealed"
        elif column.type.python_type is int:
            row[column.name] = number
        elif column.type.python_type is bool:
            row[column.name] = False
        elif not column.nullable:
            row[column.name] = NOW
    return row


_SET: dict[str, dict[str, Any]] = {
    "channel": {"kind": "team", "owner_id": None, "state": "connected"},
    "incident": {"resolved_at": NOW},
}
"""What the tables' own rules want."""


async def _put(session: Connection, table: Table, row: dict[str, Any]) -> None:
    await session.count(session.insert(table).values(row | _SET.get(table.name, {})))


async def _everything(storage: Storage) -> str:
    """Every value of every column of every table."""
    async with storage.reading() as uow:
        rows = [
            (table.name, *row)
            for table in metadata.sorted_tables
            for row in await uow.connection.rows(select(table))
        ]
    return "\n".join(map(repr, rows))


def _provider_outages(text: str, address: str) -> bool:
    return address.casefold() in text.casefold()


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
async def test_no_column_of_any_table_keeps_it(storage: Storage, table: Table) -> None:
    """A table or a column that is added later is tried here without anybody thinking of it."""
    holder = _filled(channel, "ch", 0)
    async with storage.writing() as uow:
        for number, spelling in enumerate(SPELLINGS):
            row = _filled(table, spelling, number)
            if table is not channel and table.c.get("channel_id") is not None:
                row["channel_id"] = f"other{number}"
                await _put(
                    uow.connection, channel, holder | {"id": f"other{number}", "address_key": f"k{number}"}
                )
            if table.name == "channel":
                row["grant_id"] = None
            await _put(uow.connection, table, row)
        await uow.commit()
    forgotten = await forget(storage, SECRET, force=True)
    assert forgotten.erased[table.name] == len(SPELLINGS)
    left = await _everything(storage)
    assert not any(_provider_outages(left, spelling) for spelling in (*SPELLINGS, SECRET))
    assert (await forget(storage, SECRET)).count == 0


async def test_other_peoples_addresses_stay(storage: Storage) -> None:
    """Longer names and longer domains are somebody else's, in a column of their own and in a sentence."""
    async with storage.writing() as uow:
        for number, address in enumerate(OTHERS):
            await uow.channels.add(
                a_team_channel(id=ChannelId(f"c{number}"), address=address, use=f"as {address}")
            )
        await uow.channels.add(
            a_team_channel(address="a@acme.example", use=f"for {SECRET}. And {OTHERS[0]},")
        )
        await uow.commit()
    forgotten = await forget(storage, SECRET)
    assert forgotten.erased == {"channel": 1}
    left = await _everything(storage)
    assert all(f"as {address}" in left for address in OTHERS)
    assert f"for {ERASED}. And {OTHERS[0]}," in left


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@xn--bcher-kva.example", "info@BÜCHER.example"),
        ("jane.doe@googlemail.com", "janedoe@gmail.com"),
        ("j.anedoe@gmail.com", "jane.doe@gmail.com"),
        ("山田@メール.example", "山田@メール.example"),
        ("jose\u0301@acme.example", "josé@acme.example"),
    ],
)
async def test_every_spelling_of_it_is_found(storage: Storage, kept: str, asked: str) -> None:
    """As a row's own address and in the middle of a text."""
    async with storage.writing() as uow:
        await uow.channels.add(a_team_channel(address=kept, grant_id=None))
        await uow.channels.add(
            a_team_channel(address="a@acme.example", use=f"「{kept}」の代わり", grant_id=None)
        )
        await uow.commit()
    assert (await forget(storage, asked)).erased == {"channel": 2}
    left = await _everything(storage)
    assert not _provider_outages(left, kept)
    assert f"「{ERASED}」の代わり" in left


async def test_a_name_that_mentions_it_is_searched_without_it(storage: Storage) -> None:
    """A search looks through letters that nobody wrote: ß as ss."""
    async with storage.writing() as uow:
        await uow.channels.add(a_team_channel(address="a@acme.example", name="was info@straße.example"))
        await uow.commit()
    assert (await forget(storage, "info@straße.example")).erased == {"channel": 1}
    left = await _everything(storage)
    assert "strasse" not in left and "straße" not in left


async def test_what_hangs_on_it_goes_with_it(storage: Storage) -> None:
    """Outages, messages, links and history of the inbox, and messages about wishes for it."""
    held = [table for table in metadata.sorted_tables if "channel_id" in table.c]
    async with storage.writing() as uow:
        await _put(uow.connection, channel, _filled(channel, "jane", 0) | {"id": "ch", "address": SECRET})
        for table in held:
            await _put(uow.connection, table, _filled(table, "it", 1) | {"channel_id": "ch"})
        request, notice = metadata.tables["request"], metadata.tables["notice"]
        wish = _filled(request, "wish", 2) | {"address": SECRET, "channel_id": None}
        await _put(uow.connection, request, wish)
        await _put(
            uow.connection, notice, _filled(notice, "x", 3) | {"channel_id": None, "subject": wish["id"]}
        )
        attached = {"notice_id": "x:3", "incident_id": "elsewhere"}
        await _put(uow.connection, metadata.tables["notice_incident"], attached)
        await uow.commit()
    await forget(storage, SECRET)
    async with storage.reading() as uow:
        for table in (*held, notice, metadata.tables["notice_incident"]):
            assert await uow.connection.rows(select(table)) == [], table.name


def an_opened_inbox(how: str) -> tuple[Any, Any]:
    """A team address that is opened with somebody's account, and its grant."""
    opened = a_team_channel(id=ChannelId("help"), address="help@acme.example", grant_id=GrantId("g"))
    own = {"address": opened.address, "identity": opened.identity}
    given = a_grant(id=GrantId("g"), channel_id=opened.id, **own)
    if how == "via":
        return replace(opened, via=SECRET), replace(given, address=SECRET)
    if how == "alias":
        return opened, replace(given, address=SECRET)
    if how == "delegate":
        return opened, replace(given, delegate=Delegate("sub-jane", SECRET))
    identity = MailboxIdentity("imap", f"{SECRET}@imap.acme.example", "imap.acme.example")
    return replace(opened, identity=identity), replace(given, identity=identity)


@pytest.mark.parametrize("how", ["via", "alias", "delegate", "login"])
async def test_it_is_not_taken_from_an_inbox_that_it_opens(storage: Storage, how: str) -> None:
    """Nothing is erased and the inbox is named; forced, the inbox loses its permission and nothing else."""
    opened, given = an_opened_inbox(how)
    async with storage.writing() as uow:
        await uow.channels.add(opened)
        await uow.grants.add(given)
        await uow.people.save_all([Person(ANA, WORKSPACE, email=SECRET)], NOW)
        await uow.commit()
    before = await _everything(storage)
    assert await forget(storage, SECRET) == Forgotten(opens=("help@acme.example",))
    assert await _everything(storage) == before
    forced = await forget(storage, SECRET, force=True)
    assert forced.opens == ("help@acme.example",)
    assert forced.is_at_slack
    async with storage.reading() as uow:
        kept, left = await uow.channels.find(opened.id), await uow.grants.find(given.id)
    assert kept is not None
    assert left is not None
    assert (kept.state, kept.grant_id, kept.identity) == (State.CONNECTED, given.id, left.identity)
    assert left.secret == Secret("")
    assert not _provider_outages(await _everything(storage), SECRET)


async def test_what_it_opened_once_keeps_nobody(storage: Storage) -> None:
    """Removed inboxes, grants that were replaced and sign-ins by mistake are erased without a word."""
    removed, given = an_opened_inbox("via")
    used = a_team_channel(id=ChannelId("used"), grant_id=GrantId("new"))
    async with storage.writing() as uow:
        await uow.channels.add(replace(removed, state=State.REMOVED, removed_at=NOW))
        await uow.channels.add(used)
        await uow.grants.add(given)
        await uow.grants.add(a_grant(id=GrantId("new"), channel_id=used.id))
        old = a_grant(id=GrantId("old"), channel_id=used.id, address=SECRET, phase=Phase.SUPERSEDED)
        await uow.grants.add(old)
        await uow.grants.add(a_grant(id=GrantId("wrong"), address=SECRET, phase=Phase.RETIRED))
        await uow.commit()
    assert (await forget(storage, SECRET)).erased == {"channel": 1, "grant_": 3}
    async with storage.reading() as uow:
        assert [row.id for row in await uow.connection.rows(select(grant))] == ["new"]


async def test_the_account_s_lane_goes_with_its_last_grant(storage: Storage) -> None:
    """Its number at the provider tells who it is, too; what another inbox still rests on stays."""
    async with storage.writing() as uow:
        for number, address in enumerate((SECRET, SECRET, "a@acme.example")):
            identity = MailboxIdentity("google", "shared" if number else "alone")
            await uow.grants.add(a_grant(id=GrantId(f"g{number}"), address=address, identity=identity))
        for name in ("alone", "shared"):
            await uow.connection.count(
                uow.connection.insert(metadata.tables["lane"]).values(key=f"identity:google:{name}")
            )
        await uow.commit()
    await forget(storage, SECRET)
    async with storage.reading() as uow:
        assert [row.key for row in await uow.connection.rows(select(metadata.tables["lane"]))] == [
            "identity:google:shared"
        ]


async def _with_history(storage: Storage) -> None:
    async with storage.writing() as uow:
        await uow.channels.add(a_channel(address=SECRET, use=f"{SECRET} " * 500))
        await uow.people.save_all([Person(UserId("UJANE"), WORKSPACE, email=SECRET)], NOW)
        await uow.commit()


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_no_byte_of_it_stays_in_the_file(storage: Storage) -> None:
    """Nor in the log beside it: free pages would keep what no query finds any more."""
    assert storage.file is not None
    await _with_history(storage)
    assert (await forget(storage, SECRET)).is_swept
    for file in storage.file.parent.glob(f"{storage.file.name}*"):
        assert SECRET.encode() not in file.read_bytes(), file.name


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_it_is_erased_while_the_bot_runs(storage: Storage) -> None:
    """The file is not written anew under the bot's feet; what is erased is overwritten, and that is said."""
    assert storage.file is not None
    await _with_history(storage)
    serving = FileLock.take(storage.file.with_name(f"{storage.file.name}.lock"))
    try:
        forgotten = await forget(storage, SECRET)
    finally:
        serving.release()
    assert not forgotten.is_swept
    assert SECRET.encode() not in storage.file.read_bytes()


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_reader_in_the_way_is_waited_for_or_said(storage: Storage) -> None:
    """Somebody who still reads the old state keeps it in the log: that is told, and a repeat clears it."""
    assert storage.file is not None
    await _with_history(storage)
    with closing(sqlite3.connect(storage.file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM channel").fetchall()
        forgotten = await forget(storage, SECRET)
        reader.execute("ROLLBACK")
    assert forgotten.count == 2
    assert not forgotten.is_swept
    assert not _provider_outages(await _everything(storage), SECRET)
