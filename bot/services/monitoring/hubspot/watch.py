"""Looks at the portal every so often: reads it whole, judges what differs, tells whom it concerns.

The one rule: only a complete look says anything. Whatever goes wrong on the way changes no channel and
reaches no reader; what only the operator can mend is told the operator, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from bot.domain.errors import (
    PermissionMissing,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from bot.domain.hubspot import (
    DAILY,
    HUBSPOT,
    MOVING,
    STATE_AT_FIRST,
    AccountRecord,
    HubSpotChannel,
    HubSpotInbox,
    HubSpotSignal,
    HubSpotState,
    HubSpotUser,
    InboxRecord,
    Listing,
    Portal,
    PortalDetails,
    Sight,
    reading,
)
from bot.domain.hubspot_lifecycle import are_left_over, judged
from bot.domain.ids import ChannelId, WorkspaceId
from bot.domain.notice import NoticeKind
from bot.domain.provider_outage import ProviderOutage, Struck, reconnect_offered_at
from bot.services.core.incidents import Incidents
from bot.services.core.notifications import Notifications, Operators, client_at
from bot.services.core.ports import Core, new_id
from bot.services.monitoring.hubspot.people import audience
from bot.services.monitoring.hubspot.steps import HubSpotSteps
from storage import UnitOfWork

_log = structlog.get_logger(__name__)

LOOK_LASTS: Final = timedelta(minutes=5)
"""The longest a look can take: some twenty requests of ten seconds each, and room."""
BLIND_AFTER: Final = timedelta(days=1)
"""Whatever the reason: so long without one complete look, whoever runs the bot must know that it sees
nothing."""
UNREADABLE: Final = "unreadable"
MIXED: Final = "token_changed"
"""One token was refused in the middle of a look, and the other may be another portal's."""
RESTS_WHEN_REFUSED: Final = 5
"""Pauses until HubSpot is asked again what it has refused: it wants few errors among a day's calls."""


class ReadsHubSpot(Protocol):
    """A portal, as far as it is read. Every method raises ``ProviderUnavailable``,
    ``ProviderMisconfigured`` or ``PermissionMissing``."""

    @property
    def switches(self) -> int:
        """How often another token had to be taken, which may be another portal's."""

    async def listing(self) -> Listing:
        """All e-mail channel accounts and inboxes that are not archived, completely."""

    async def archived_inboxes(self) -> tuple[InboxRecord, ...]: ...

    async def details(self) -> PortalDetails: ...

    async def users(self) -> tuple[HubSpotUser, ...]: ...


@dataclass(frozen=True, slots=True)
class _CompleteLook:
    """What one complete look brought."""

    at: datetime
    listing: Listing
    archived: tuple[InboxRecord, ...]
    portal: Portal
    """With its particulars as they were read, if it was their day."""
    refused: ProviderError | None
    """What the token may not read although it should."""


class HubSpotWatch:
    """Looks, and tells."""

    def __init__(
        self,
        core: Core,
        client: ReadsHubSpot,
        *,
        incidents: Incidents,
        notifications: Notifications,
        workspace_id: WorkspaceId,
        every: timedelta,
    ) -> None:
        self._core = core
        self._client = client
        self._incidents = incidents
        self._notifications = notifications
        self._operators = Operators(core, notifications)
        self._workspace_id = workspace_id
        self._every = every
        self._identified: tuple[int, str] | None = None
        """The client's ``switches`` when this process last read whose portal it is, and whose that was: a
        token that was put into the settings may be another portal's."""
        self._refused = ""
        """What the last complete look of this process was not allowed to read."""
        self._since: datetime | None = None
        """Since when this process looks."""

    async def run_due(self) -> int:
        """Look, if it is time and nobody else does. Returns how many looks that were."""
        now = self._core.clock()
        self._since = self._since or now
        async with self._core.storage.reading() as uow:
            portal = await uow.hubspot.portal(self._workspace_id)
            if portal is not None and portal.due_at is not None and portal.due_at > now:
                return 0
            if await uow.workspaces.is_gone(self._workspace_id):
                return 0
        async with self._core.storage.writing() as uow:
            is_ours = await uow.hubspot.claim(self._workspace_id, now, now + LOOK_LASTS)
            await uow.commit()
        if is_ours:
            await self._look(portal or Portal(self._workspace_id), now)
        return int(is_ours)

    async def _look(self, portal: Portal, now: datetime) -> None:
        try:
            seen = await self._read(portal, now)
        except ProviderError as error:
            await self._failed(now, error)
            return
        async with self._core.storage.writing() as uow:
            if await self._still_ours(uow, now) is None:
                return
            await self._saw(uow, portal, seen)
            if self._is_certain(seen.refused):
                await self._note_refusal(uow, seen.refused)
            await uow.hubspot.look_again(self._workspace_id, max(now + self._every, self._core.clock()))
            await uow.commit()
        self._core.wake()

    def _is_certain(self, refused: ProviderError | None) -> bool:
        """One refusal among answers that were fine is none yet: the next complete look must agree."""
        before, self._refused = self._refused, _code(refused)
        return self._refused in {"", before}

    async def _still_ours(self, uow: UnitOfWork, began_at: datetime) -> Portal | None:
        """The portal's row, if what a look brought may be written. It may have taken so long that another
        has begun since, or the workspace was forgotten, where nothing may be written any more."""
        present = await uow.hubspot.portal(self._workspace_id)
        is_gone = await uow.workspaces.is_gone(self._workspace_id)
        return None if is_gone or present is None or present.began_at != began_at else present

    async def _failed(self, began_at: datetime, error: ProviderError) -> None:
        """Nothing is known, so nothing changes."""
        wait = error.retry_after if isinstance(error, ProviderUnavailable) else None
        is_refused = isinstance(error, ProviderMisconfigured | PermissionMissing)
        _log.warning("HubSpot could not be looked at", code=error.code)
        self._core.telemetry.probe(HUBSPOT, error.code)
        async with self._core.storage.writing() as uow:
            present = await self._still_ours(uow, began_at)
            if present is None:
                return
            # One failure among answers that were fine is none yet: the next look must agree.
            is_certain = is_refused and present.trouble == error.code
            pause = max(self._every * (RESTS_WHEN_REFUSED if is_certain else 1), wait or timedelta())
            # A portal that moves between data centres may have another host afterwards.
            read_at = None if error.code == MOVING else present.read_at
            await uow.hubspot.put_portal(replace(present, trouble=error.code, read_at=read_at))
            await uow.hubspot.look_again(self._workspace_id, self._core.clock() + pause)
            if is_certain:
                await self._note_refusal(uow, error)
            elif present.trouble and began_at - (present.looked_at or self._since or began_at) >= BLIND_AFTER:
                await self._note_refusal(uow, ProviderUnavailable(UNREADABLE))
            await uow.commit()

    # --- reading

    async def _read(self, portal: Portal, now: datetime) -> _CompleteLook:
        """Raises ``ProviderError`` where the look is not complete."""
        listing = await self._client.listing()
        token = self._client.switches
        async with self._core.storage.reading() as uow:
            known = await uow.hubspot.inboxes(portal.workspace_id, portal.portal_id)
        here = {it.id for it in listing.inboxes}
        is_missing = any(not it.is_archived and it.inbox_id not in here for it in known)
        archived = await self._client.archived_inboxes() if is_missing else ()
        refused: ProviderError | None = None
        is_theirs = self._identified == (token, portal.portal_id)
        if portal.read_at is None or now - portal.read_at >= DAILY or not is_theirs:
            portal, refused = await self._particulars(
                portal, now, is_same=await self._is_known(portal, listing)
            )
        if self._client.switches != token:
            raise ProviderUnavailable(MIXED)
        return _CompleteLook(now, listing, archived, portal, refused)

    async def _is_known(self, portal: Portal, listing: Listing) -> bool:
        """Whether any account of the listing was known in that portal before: their ids are HubSpot's."""
        async with self._core.storage.reading() as uow:
            channels = await uow.hubspot.channels(portal.workspace_id, portal.portal_id)
        return not {it.account_id for it in channels}.isdisjoint(it.id for it in listing.accounts)

    async def _particulars(
        self, portal: Portal, now: datetime, *, is_same: bool
    ) -> tuple[Portal, ProviderError | None]:
        """What changes seldom, and what of it the token should but may not read. Where only these do not
        answer, what was known of them is as good as ever, and the channels are looked at all the same; but
        not before it is known whose they are: by HubSpot's word or, ``is_same``, by an account that was
        known before."""
        refused: ProviderError | None = None
        is_read = True
        try:
            details = await self._client.details()
        except PermissionMissing as missing:
            if not (is_same or self._is_theirs(portal)):
                raise
            refused = missing
            self._identified = self._client.switches, portal.portal_id
        except (ProviderUnavailable, ProviderMisconfigured) as error:
            if not portal.portal_id or not self._is_theirs(portal):
                raise
            is_read, refused = False, _if_misconfigured(error)
        else:
            self._identified = self._client.switches, details.portal_id
            if details.portal_id != portal.portal_id:  # of the people of another one nothing is known
                portal = replace(portal, super_admins=(), is_people_read=False, read_at=None)
            portal = replace(
                portal,
                portal_id=details.portal_id,
                ui_domain=details.ui_domain,
                hosting=details.hosting,
                time_zone=details.time_zone,
                account_type=details.account_type,
            )
        try:
            users = await self._client.users()
        except PermissionMissing:  # may be left out: then our own admins are told
            portal = replace(portal, super_admins=(), is_people_read=False)
        except (ProviderUnavailable, ProviderMisconfigured) as error:
            is_read, refused = False, refused or _if_misconfigured(error)
        else:
            supers = tuple(it.email for it in users if it.is_super_admin and it.email)
            portal = replace(portal, super_admins=supers, is_people_read=True)
        if is_read:
            return replace(portal, read_at=None if refused else now), refused
        return portal, refused

    def _is_theirs(self, portal: Portal) -> bool:
        """Whether this token is known to be that portal's; as good as known where there is none yet."""
        return not portal.portal_id or self._identified == (self._client.switches, portal.portal_id)

    # --- what it comes to

    async def _saw(self, uow: UnitOfWork, before: Portal, seen: _CompleteLook) -> None:
        portal = await self._moved(uow, before, seen.portal)
        readers = await audience(uow, self._core, portal)
        removed = await self._put_inboxes(uow, portal, seen)
        known = await uow.hubspot.channels(portal.workspace_id, portal.portal_id)
        outage = await uow.provider_outages.open_for(portal.workspace_id, HUBSPOT, portal.portal_id)
        sight = Sight.of(seen.listing.accounts, removed, {it.account_id for it in known})
        verdict = judged(
            known, sight, now=seen.at, looked_before=portal.looked_at, is_outage=outage is not None
        )
        steps = HubSpotSteps(
            uow,
            portal,
            now=seen.at,
            readers=readers,
            incidents=self._incidents,
            notifications=self._notifications,
        )
        steps.outage = outage if outage or not verdict.is_mass else await steps.open_outage()
        after = [await steps.apply(channel, signal) for channel, signal in verdict.steps]
        after += verdict.waiting
        steps.changed += verdict.waiting
        if steps.outage is not None:
            await self._settle(uow, steps, after, sight, was_open=outage)
        for record in verdict.fresh:
            steps.found(_newly(portal, record, seen.at))
        were = {it.id: it for it in known}
        is_news = any(were.get(it.id) != it for it in steps.changed)
        steps.changed = [it for it in steps.changed if were.get(it.id) != it]
        await steps.finish()
        await uow.hubspot.put_portal(replace(portal, looked_at=seen.at, trouble=""))
        self._core.telemetry.probe(HUBSPOT, "passed")
        if is_news and after:
            await self._notifications.home_changed(uow, self._workspace_id, actor=None, now=seen.at)

    async def _moved(self, uow: UnitOfWork, before: Portal, after: Portal) -> Portal:
        """The portal as it is now. Another one than before begins anew: what was told of the old one ends."""
        if after.portal_id == before.portal_id:
            return after
        if not before.portal_id:  # it could not be read until now
            await uow.hubspot.adopt(before.workspace_id, after.portal_id)
            return after
        await _end_watch(uow, before, self._core.clock(), self._incidents, self._notifications)
        return replace(after, looked_at=None)

    async def _put_inboxes(self, uow: UnitOfWork, portal: Portal, seen: _CompleteLook) -> frozenset[str]:
        """Write what HubSpot says of them. Returns those that were removed."""
        known = {it.inbox_id: it for it in await uow.hubspot.inboxes(portal.workspace_id, portal.portal_id)}
        records = [*seen.listing.inboxes, *(it for it in seen.archived if it.id in known)]
        said = [_inbox(portal, it, known.get(it.id)) for it in records]
        await uow.hubspot.put_inboxes([it for it in said if known.get(it.inbox_id) != it])
        present = known | {it.inbox_id: it for it in said}
        return frozenset(key for key, it in present.items() if it.is_archived)

    async def _settle(
        self,
        uow: UnitOfWork,
        steps: HubSpotSteps,
        after: Sequence[HubSpotChannel],
        sight: Sight,
        *,
        was_open: ProviderOutage | None,
    ) -> None:
        """What becomes of the mass loss, and of those that it still holds."""
        outage, now, witness = steps.outage, steps.now, self._core.policy.cadence.witness
        assert outage is not None
        mine = [it for it in after if it.held_by == outage.id]
        held = [it for it in mine if it.state is HubSpotState.HELD]
        came_back = [it for it in mine if it.state is HubSpotState.CONNECTED and it.id in steps.moved]
        if was_open is not None and came_back:
            await uow.provider_outages.recovered(outage.id, now)
        elif held and are_left_over(outage, Struck(len(mine), len(held)), now=now, witness=witness):
            for channel in held:
                await steps.apply(channel, sight.signal_for(channel))
            held = []
        if not held:
            await uow.provider_outages.end(outage.id, now)
        ripens = reconnect_offered_at(outage, witness)
        is_ripe_now = (steps.portal.looked_at or now) < ripens <= now
        if was_open is None or is_ripe_now or not held or any(it.id in steps.moved for it in mine):
            await steps.show_outage(outage)

    # --- the operator

    async def _note_refusal(self, uow: UnitOfWork, error: ProviderError | None) -> None:
        """Said once, for as long as it is the same; and edited when it is over."""
        fact = client_at(HUBSPOT)
        known = await uow.meta.find(fact)
        code = _code(error)
        if known == code or (known is None and not code):
            return
        if known is not None:
            await uow.meta.drop(fact, known)
            notices = await uow.notices.of_subject(self._workspace_id, f"{HUBSPOT}:")
            await self._notifications.changed(
                uow, [it for it in notices if it.ts or it.nonce], now=self._core.clock()
            )
        if code:
            await uow.meta.add(fact, code)
            about = {"provider": HUBSPOT, "code": code, "at": self._core.clock().isoformat()}
            await self._operators.tell(
                uow, self._workspace_id, NoticeKind.OPERATOR, about=about, now=self._core.clock()
            )


async def stop_watching(
    core: Core, incidents: Incidents, notifications: Notifications, workspace_id: WorkspaceId
) -> None:
    """There is no token any more: what was told of HubSpot ends, and nobody is reminded of it."""
    async with core.storage.writing() as uow:
        portal = await uow.hubspot.portal(workspace_id)
        if portal is None or portal.looked_at is None:
            return
        await _end_watch(uow, portal, core.clock(), incidents, notifications)
        await uow.hubspot.put_portal(replace(portal, looked_at=None, read_at=None, trouble=""))
        await uow.commit()


async def _end_watch(
    uow: UnitOfWork, portal: Portal, now: datetime, incidents: Incidents, notifications: Notifications
) -> None:
    """Every channel of a portal is nobody's matter from now on."""
    steps = HubSpotSteps(uow, portal, now=now, readers=(), incidents=incidents, notifications=notifications)
    for channel in await uow.hubspot.channels(portal.workspace_id, portal.portal_id):
        await steps.apply(channel, HubSpotSignal.UNWATCHED)
    await steps.finish()
    outage = await uow.provider_outages.open_for(portal.workspace_id, HUBSPOT, portal.portal_id)
    if outage is not None:
        await uow.provider_outages.end(outage.id, now)
        await steps.show_outage(outage)


def _if_misconfigured(error: ProviderError) -> ProviderError | None:
    """What only the operator can mend; nobody is told of the rest."""
    return error if isinstance(error, ProviderMisconfigured) else None


def _code(error: ProviderError | None) -> str:
    """What is refused, with the scopes that are missing."""
    if isinstance(error, PermissionMissing):
        return " ".join([error.code, *sorted(error.scopes)])
    return error.code if error else ""


def _newly(portal: Portal, record: AccountRecord, now: datetime) -> HubSpotChannel:
    return HubSpotChannel(
        id=ChannelId(new_id()),
        workspace_id=portal.workspace_id,
        portal_id=portal.portal_id,
        account_id=record.id,
        inbox_id=record.inbox_id,
        name=record.name,
        address=record.address,
        state=STATE_AT_FIRST[reading(record)],
        since=now,
    )


def _inbox(portal: Portal, record: InboxRecord, known: HubSpotInbox | None) -> HubSpotInbox:
    return HubSpotInbox(
        portal.workspace_id,
        portal.portal_id,
        record.id,
        record.name,
        record.type,
        record.is_archived,
        known.conversation_id if known else None,
    )
