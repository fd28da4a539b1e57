"""People and workspaces, as last heard of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from bot.domain.access import Person, Workspace
from bot.domain.ids import UserId, WorkspaceId
from storage import Storage, UnitOfWork
from storage.tables import workspace
from tests.storage.builders import ANA, NOW, WORKSPACE


def a_person(user_id: str = ANA, **changes: object) -> Person:
    person = Person(id=UserId(user_id), workspace_id=WORKSPACE, name="Ana", email="Ana@x.org", locale="ja-JP")
    return replace(person, **changes)  # type: ignore[arg-type]


async def test_people_are_replaced_by_what_is_read_later(storage: Storage) -> None:
    """Every field; of one person named twice in a list the last."""
    ana = a_person(is_owner=True)
    guest = a_person("UGUEST", is_guest=True, email="")
    async with storage.writing() as uow:
        await uow.people.save_all([a_person(name="before")], NOW)
        await uow.people.save_all((a_person(name="twice"), ana, guest), NOW)
        await uow.people.save_all((), NOW)
        assert await uow.people.find(WORKSPACE, ANA) == ana
        assert await uow.people.of_workspace(WORKSPACE) == (ana, guest)
        assert await uow.people.find(WorkspaceId("T2"), ANA) is None


async def test_a_large_workspace_is_kept_whole(storage: Storage) -> None:
    """More people than fit into one statement."""
    people = tuple(a_person(f"U{n:05}") for n in range(1203))
    async with storage.writing() as uow:
        await uow.people.save_all(people, NOW)
        assert await uow.people.of_workspace(WORKSPACE) == people


async def test_an_address_names_a_person_who_is_there(storage: Storage) -> None:
    """Not a bot, not somebody who left; however it is capitalised."""
    async with storage.writing() as uow:
        await uow.people.save_all(
            (a_person("U1", is_deleted=True), a_person("U2", is_bot=True), a_person("U3", email="")), NOW
        )
        assert await uow.people.by_email(WORKSPACE, "ana@x.org") is None
        await uow.people.save_all([a_person()], NOW)
        assert await uow.people.by_email(WORKSPACE, "ANA@x.org") == a_person()
        assert await uow.people.by_email(WORKSPACE, "") is None


async def test_a_workspace_is_gone_until_it_is_back(storage: Storage) -> None:
    """Being seen does not bring it back by itself; the first absence is the one that counts."""
    async with storage.writing() as uow:
        workspaces = uow.workspaces
        await workspaces.save_seen(WORKSPACE, "Acme", UserId("UBOT"), NOW)
        await workspaces.mark_gone(WORKSPACE, NOW)
        await workspaces.mark_gone(WORKSPACE, NOW + timedelta(days=1))
        later = NOW + timedelta(days=2)
        await workspaces.save_seen(WORKSPACE, "Acme Inc", UserId("UBOT2"), later)
        gone = Workspace(WORKSPACE, "Acme Inc", UserId("UBOT2"), later, NOW)
        assert await _known(uow) == gone
        assert await workspaces.is_gone(WORKSPACE)
        assert await workspaces.gone_before(NOW + timedelta(hours=1)) == (WORKSPACE,)
        assert await workspaces.gone_before(NOW) == ()
        await workspaces.mark_back(WORKSPACE)
        assert await _known(uow) == replace(gone, gone_at=None)
        assert not await workspaces.is_gone(WORKSPACE)


async def _known(uow: UnitOfWork) -> Workspace:
    row = await uow.connection.first(select(workspace).where(workspace.c.id == WORKSPACE))
    assert row is not None
    return Workspace(**row._mapping)
