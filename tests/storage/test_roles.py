"""Who may hold a role, among thousands: found by one statement, as the single questions would find them."""

from __future__ import annotations

from bot.domain.access import Role
from bot.domain.ids import UserId, WorkspaceId
from storage import Storage
from tests.storage.builders import NOW, WORKSPACE
from tests.storage.test_people import a_person

BOSS, CHOSEN, NAMED, GROUPED, FIXED, BOTH = (
    UserId(f"U{name}") for name in ("BOSS", "CHOSEN", "NAMED", "GROUPED", "FIXED", "BOTH")
)


async def test_only_those_who_may_hold_a_role_are_read(storage: Storage) -> None:
    """Owners, those who were given one, by name or through a group, and the operator's; nobody else."""
    crowd = [a_person(f"U{number:04}") for number in range(300)]
    people = [a_person(who, is_owner=who == BOSS) for who in (BOSS, CHOSEN, NAMED, GROUPED, FIXED, BOTH)]
    async with storage.writing() as uow:
        await uow.people.save_all([*crowd, *people], NOW)
        for role, subject in (
            (Role.SUPER_ADMIN, CHOSEN),
            (Role.SUPER_ADMIN, BOTH),
            (Role.ACCOUNT_ACCESS, NAMED),
            (Role.ACCOUNT_ACCESS, BOTH),
            (Role.ACCOUNT_ACCESS, "SDESK"),
        ):
            await uow.roles.give(WORKSPACE, role, subject, by=BOSS, at=NOW)
        await uow.roles.give(WorkspaceId("T2"), Role.SUPER_ADMIN, "U0001", by=BOSS, at=NOW)
        await uow.roles.set_members(WORKSPACE, "SDESK", {GROUPED}, at=NOW)
        await uow.roles.set_members(WORKSPACE, "SOTHER", {UserId("U0002")}, at=NOW)
        await uow.commit()
    async with storage.reading() as uow:
        holders = await uow.roles.holders(WORKSPACE, {FIXED, UserId("UNKNOWN")}, groups_since=NOW)
        given = await uow.roles.of(WORKSPACE)
    found = {holder.person.id: (holder.was_chosen, holder.has_access) for holder in holders}
    assert found == {
        BOSS: (False, False),
        CHOSEN: (True, False),
        NAMED: (False, True),
        GROUPED: (False, True),
        FIXED: (False, False),
        BOTH: (True, True),
    }
    assert {who for who, (chosen, _) in found.items() if chosen} == given.super_admins
    assert {who for who, (_, access) in found.items() if access} == given.account_access | {GROUPED}
    assert [holder.person.id for holder in holders] == sorted(found)


async def test_nobody_holds_anything_in_an_empty_workspace(storage: Storage) -> None:
    """No person, no role, nobody fixed."""
    async with storage.reading() as uow:
        assert await uow.roles.holders(WORKSPACE, (), groups_since=NOW) == ()
