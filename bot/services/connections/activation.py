"""The second half of connecting: redeem the code, stage the grant, prove the mailbox, swap.

All of it happens while holding the identity's lane, so that no revocation of the same account runs at
the same time (rule 9), and the swap is one transaction (rule 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from bot.domain.access import Actor, Operation, Right, right_to_connect
from bot.domain.address import same_address
from bot.domain.channel import RESTORABLE_FOR, Cause, Channel, Kind, State, described
from bot.domain.errors import (
    ConsentDeclined,
    ConsentFailed,
    DirectoryAway,
    InboxkeeperError,
    ProviderError,
    ProviderMisconfigured,
    ProviderOff,
    ProviderUnavailable,
    Refusal,
    RightsUnread,
)
from bot.domain.grant import Grant, MailboxIdentity, Phase, lacking
from bot.domain.ids import ChannelId, GrantId, UserId
from bot.domain.lifecycle import Facts, Signal, TransitionRefused
from bot.domain.provider_outage import is_held
from bot.domain.ticket import (
    HOST_RENAMED,
    ONLY_CLAIMED,
    SWITCHED_MEANWHILE,
    OutcomeKind,
    Purpose,
    Ticket,
    TicketOutcome,
)
from bot.services.connections.admin_consent import AdminConsents, is_asked_for
from bot.services.connections.channel_actions import retried
from bot.services.connections.notices import SignInNotices, confirmed, host_renamed
from bot.services.connections.revocation import Revocations
from bot.services.connections.switch import Switches
from bot.services.connections.tickets import NotPossible
from bot.services.core.grants import Retirement, lane_of_identity
from bot.services.core.jobs import Locks
from bot.services.core.notifications import Notifications, Operators
from bot.services.core.ports import Core, new_id
from bot.services.core.roles import refuse_in_doubt, roles_in
from bot.services.core.transitions import Transitions
from bot.services.core.unfinished import Unfinished
from bot.services.monitoring.probes import ProbeResult, Probes
from bot.services.monitoring.provider_outages import ProviderOutages
from bot.services.people.approvals import Approvals
from bot.services.people.people import People
from providers.base import Authorization, Claim, Consent
from storage import Taken, UnitOfWork

_log = structlog.get_logger(__name__)

_REDEEM_BUDGET: Final = timedelta(seconds=60)
"""How long a connect may hold the identity's lane: redeem, refresh and probe at 10 s each, twice over."""


class Activation:
    """Proves what came back from consent."""

    def __init__(
        self,
        core: Core,
        *,
        people: People,
        transitions: Transitions,
        notifications: Notifications,
        probes: Probes,
        revocations: Revocations,
        approvals: Approvals,
        admin_consents: AdminConsents,
        switches: Switches,
        locks: Locks,
        provider_outages: ProviderOutages,
    ) -> None:
        self._core = core
        self._people = people
        self._transitions = transitions
        self._operators = Operators(core, notifications)
        self._retirement = Retirement(core, notifications)
        self._unfinished = Unfinished(core, notifications)
        self._notices = SignInNotices(core, notifications)
        self._probes = probes
        self._revocations = revocations
        self._approvals = approvals
        self._admin_consents = admin_consents
        self._switches = switches
        self._locks = locks
        self._provider_outages = provider_outages

    async def prove(self, ticket: Ticket, consent: Consent, callback: Mapping[str, str]) -> TicketOutcome:
        """What comes of a spent ticket. Always an outcome: provider errors are worded, not raised."""
        try:
            provider = self._core.providers.get(ticket.provider)
            authorization = await provider.redeem(consent, callback)
        except ConsentDeclined:
            outcome = self._outcome(ticket, OutcomeKind.DECLINED)
        except ConsentFailed as failed:
            outcome = self._outcome(ticket, OutcomeKind.CONSENT_FAILED, code=failed.code)
        except (ProviderError, ProviderOff) as error:
            outcome = self._failed(ticket, error)
            if outcome.ending is OutcomeKind.OURS_BROKEN:
                _log.warning("our own client is not accepted", provider=ticket.provider, code=outcome.code)
        else:
            return await self.prove_authorized(ticket, authorization)
        return await self._keep(outcome)

    async def prove_authorized(self, ticket: Ticket, authorization: Authorization) -> TicketOutcome:
        """The same for what has been redeemed already: a form is, before its ticket is spent."""
        grant = self._staged(ticket, authorization)
        async with self._locks.held(lane_of_identity(grant), for_=_REDEEM_BUDGET) as is_ours:
            outcome = await self._judge(ticket, grant, authorization, is_ours=is_ours)
        return outcome if outcome.ending.is_good else await self._keep(outcome)

    async def refuse_claim(self, ticket: Ticket, claim: Claim) -> TicketOutcome:
        """The outcome of a form that claims somebody else's mailbox. Nobody was asked."""
        wrong = self._outcome(ticket, OutcomeKind.WRONG_MAILBOX, signed_in=claim.address, code=ONLY_CLAIMED)
        return await self._keep(replace(wrong, signed_in_id=claim.identity.subject))

    async def end_interrupted(self) -> int:
        """Say of every check under way that it was interrupted. Only for a process that has just begun, alone
        with its database. Returns how many there were.

        What was staged is neither used nor given back here: whose mailbox it is was not judged, and whoever
        begins again at once gets a grant of the same account.
        """
        async with self._core.storage.reading() as uow:
            left = await uow.tickets.pending()
        for outcome in left:
            await self._keep(replace(outcome.interrupted, at=self._core.clock()))
        return len(left)

    # --- judging

    async def _judge(
        self, ticket: Ticket, grant: Grant, authorization: Authorization, *, is_ours: bool
    ) -> TicketOutcome:
        async with self._core.storage.writing() as uow:
            await uow.grants.add(grant)
            pinned = await uow.channels.find(ticket.channel_id) if ticket.channel_id else None
            await uow.commit()
        if not is_ours:  # a revocation of this account is under way: it might end what we just got
            return await self._give_back(self._outcome(ticket, OutcomeKind.PROVIDER_AWAY, code="busy"), grant)
        if _has_left(pinned, ticket):
            return await self._give_back(
                self._outcome(ticket, OutcomeKind.NOT_POSSIBLE, code=SWITCHED_MEANWHILE), grant
            )
        if not _is_wanted(ticket, pinned, authorization):
            is_moved = pinned is not None and pinned.identity.has_moved_to(authorization.identity)
            wrong = self._outcome(
                ticket,
                OutcomeKind.WRONG_MAILBOX,
                signed_in=authorization.address,
                code=HOST_RENAMED if is_moved and ticket.purpose is Purpose.RECONNECT else "",
            )
            return await self._give_back(replace(wrong, signed_in_id=authorization.identity.subject), grant)
        ticket = replace(ticket, via=_via(ticket, authorization))
        if authorization.missing:
            return await self._give_back(
                self._outcome(ticket, OutcomeKind.PERMISSION_WITHHELD, missing=authorization.missing), grant
            )
        look = await self._probes.look(grant, is_sparing=False)
        if look.error is not None:
            return await self._give_back(self._failed(ticket, look.error), grant)
        return await self._admitted(ticket, grant, await self._control(pinned))

    async def _control(self, pinned: Channel | None) -> ProbeResult | None:
        """What the old grant of a mailbox that is held gets at the same moment. Only where it is refused does
        the new one show that reconnecting is what helps."""
        if pinned is None or pinned.grant_id is None or not is_held(pinned):
            return None
        async with self._core.storage.reading() as uow:
            old = await uow.grants.find(pinned.grant_id)
        if old is None or old.secret is None:
            return None
        look = await self._probes.look(old)
        return look if look.put_off_until is None else None

    async def _admitted(self, ticket: Ticket, grant: Grant, control: ProbeResult | None) -> TicketOutcome:
        """Swap, if Slack says at this very moment that the person may still do it: people leave, become
        guests and lose roles while they sign in. What cannot be asked is not done."""
        try:
            actor = await self._people.member(ticket.workspace_id, ticket.user_id, fresh=True)
        except DirectoryAway:
            return await self._give_back(self._outcome(ticket, OutcomeKind.RIGHTS_UNREAD), grant)
        except Refusal:
            return await self._give_back(self._outcome(ticket, OutcomeKind.NOT_POSSIBLE), grant)
        return await self._swap(ticket, grant, actor, control)

    async def _swap(
        self, ticket: Ticket, grant: Grant, actor: Actor, control: ProbeResult | None
    ) -> TicketOutcome:
        wanted = self._core.policy.features.scopes_at(ticket.provider, is_shared=ticket.is_shared)

        async def once() -> TicketOutcome:
            async with self._core.storage.writing() as uow:
                ending = await self._adopt(uow, ticket, grant, actor, control)
                await self._revocations.cancel(uow, grant)
                outcome = self._outcome(ticket, ending, missing=lacking(wanted, grant.scopes))
                # With the swap: who reloads the page after a crash must not read that nothing has changed.
                await self._unfinished.keep_outcome(uow, outcome)
                await self._operators.signed_in(uow, ticket.workspace_id, ticket.provider, now=outcome.at)
                await uow.commit()
                return outcome

        try:
            return await retried(once)
        except RightsUnread:
            return await self._give_back(self._outcome(ticket, OutcomeKind.RIGHTS_UNREAD), grant)
        except (NotPossible, TransitionRefused, Refusal, Taken) as error:
            outcome = self._outcome(ticket, OutcomeKind.NOT_POSSIBLE, code=getattr(error, "code", ""))
            return await self._give_back(outcome, grant)

    async def _adopt(
        self, uow: UnitOfWork, ticket: Ticket, grant: Grant, actor: Actor, control: ProbeResult | None
    ) -> OutcomeKind:
        """Swap the proven grant in: renew what is there, restore what was there, or begin anew."""
        await self._check_person(uow, ticket)
        if ticket.purpose is not Purpose.RECONNECT:
            await self._check_confirmed(uow, ticket)
        if ticket.purpose is Purpose.SWITCH:
            return await self._switches.swap(uow, ticket, grant, is_in_doubt=actor.is_in_doubt)
        existing = await uow.channels.at_address(ticket.workspace_id, ticket.address)
        if existing is not None or ticket.purpose is Purpose.RECONNECT:
            return await self._renew(uow, ticket, existing, grant, control)
        await self._check_right(uow, ticket, is_in_doubt=actor.is_in_doubt)
        await self._admin_consents.settled(uow, ticket)
        removed = await uow.channels.restorable(
            ticket.workspace_id,
            ticket.address,
            grant.identity,
            _owner(ticket),
            self._core.clock() - RESTORABLE_FOR,
        )
        if removed is not None:
            removed = replace(described(removed, ticket.inbox), via=ticket.via)
            channel = await self._transitions.apply(
                uow, removed, Signal.RESTORE_PROVEN, Facts(grant_id=grant.id), actor=ticket.user_id
            )
            return await self._told(uow, ticket, channel, OutcomeKind.RESTORED)
        channel = await self._transitions.born(uow, self._draft(ticket, grant), actor=ticket.user_id)
        return await self._told(uow, ticket, channel, OutcomeKind.CONNECTED)

    async def _check_person(self, uow: UnitOfWork, ticket: Ticket) -> None:
        """What Slack has said since it was asked counts, too."""
        person = await uow.people.find(ticket.workspace_id, ticket.user_id)
        if person is None or not person.is_active_member:
            raise NotPossible

    async def _check_right(self, uow: UnitOfWork, ticket: Ticket, *, is_in_doubt: bool) -> None:
        """Rights are asked again at the last moment: roles change while people sign in."""
        if ticket.request_id is not None and await self._approvals.vouches(
            uow, ticket.request_id, ticket.user_id
        ):
            return
        person = await uow.people.find(ticket.workspace_id, ticket.user_id)
        roles = await roles_in(uow, self._core, ticket.workspace_id)
        if person is None:
            raise NotPossible
        actor = roles.actor(person, is_in_doubt=is_in_doubt)
        if right_to_connect(actor, ticket.kind, ticket.address) is not Right.AT_ONCE:
            refuse_in_doubt(actor, ticket.kind, Operation.CONNECT)
            raise NotPossible

    async def _check_confirmed(self, uow: UnitOfWork, ticket: Ticket) -> None:
        """Whose word it is that the account receives the address must be a super admin still."""
        if not ticket.via:
            return
        roles = await roles_in(uow, self._core, ticket.workspace_id)
        if ticket.user_id not in {admin.id for admin in roles.super_admins}:
            raise NotPossible

    async def _renew(
        self,
        uow: UnitOfWork,
        ticket: Ticket,
        existing: Channel | None,
        grant: Grant,
        control: ProbeResult | None,
    ) -> OutcomeKind:
        if existing is None or not (
            existing.identity == grant.identity or _is_renamed(ticket, existing, grant.identity)
        ):
            raise NotPossible(SWITCHED_MEANWHILE if _has_left(existing, ticket) else "")
        if existing.owner_id not in {None, ticket.user_id}:
            raise NotPossible
        if existing.identity != grant.identity:
            existing = await self._moved(uow, ticket, existing, grant)
        await self._admin_consents.settled(uow, ticket)
        await self._notices.replaced(uow, existing, now=self._core.clock())
        sees_alarm = await self._notices.sees_alarm(uow, existing, ticket.user_id)
        existing = replace(existing, via=ticket.via)
        if control is not None and is_held(existing):
            await self._provider_outages.reconnects(uow, existing, by=ticket.user_id, error=control.error)
        channel = await self._transitions.apply(
            uow, existing, Signal.RECONNECT_PROVEN, Facts(grant_id=grant.id), actor=ticket.user_id
        )
        ending = OutcomeKind.STILL_DISABLED if channel.state is State.DISABLED else OutcomeKind.RECONNECTED
        return await self._told(uow, ticket, channel, ending, turned_alarm=sees_alarm)

    async def _moved(self, uow: UnitOfWork, ticket: Ticket, existing: Channel, grant: Grant) -> Channel:
        """The same mailbox at a mail host by another name. Whose word that is must be one still."""
        if existing.owner_id != ticket.user_id:
            roles = await roles_in(uow, self._core, ticket.workspace_id)
            if ticket.user_id not in {admin.id for admin in roles.super_admins}:
                raise NotPossible
        await host_renamed(uow, existing, grant.identity, ticket)
        return replace(existing, identity=grant.identity)

    async def _told(
        self,
        uow: UnitOfWork,
        ticket: Ticket,
        channel: Channel,
        ending: OutcomeKind,
        *,
        turned_alarm: bool = False,
    ) -> OutcomeKind:
        if ticket.via and ticket.confirmed and ticket.purpose is not Purpose.RECONNECT:
            await confirmed(uow, channel, ticket)
        await self._notices.connected(
            uow,
            channel,
            recipient=ticket.user_id,
            ending=ending,
            now=self._core.clock(),
            turned_alarm=turned_alarm,
        )
        return ending

    # --- endings

    async def _give_back(self, outcome: TicketOutcome, grant: Grant) -> TicketOutcome:
        async with self._core.storage.writing() as uow:
            stands = await self._retirement.drop(uow, grant.id, now=self._core.clock())
            await uow.commit()
        return replace(outcome, stands=stands)

    async def _keep(self, outcome: TicketOutcome) -> TicketOutcome:
        """Keep what did not go well for a reload, and let the waiting modal turn to it."""
        async with self._core.storage.writing() as uow:
            await self._unfinished.keep_outcome(uow, outcome)
            await self._tell_of_client(uow, outcome)
            if is_asked_for(outcome) and self._admin_consents.may_help(outcome):
                await self._admin_consents.ask(uow, outcome.ticket)
            await uow.commit()
        self._core.wake()
        return outcome

    async def _tell_of_client(self, uow: UnitOfWork, outcome: TicketOutcome) -> None:
        """A sign-in also shows that the provider does not accept us; whoever tried cannot mend that."""
        ticket = outcome.ticket
        if outcome.ending is OutcomeKind.OURS_BROKEN:
            await self._operators.client_refused(
                uow, ticket.workspace_id, ticket.provider, code=outcome.code, now=outcome.at
            )

    def _outcome(
        self,
        ticket: Ticket,
        ending: OutcomeKind,
        *,
        signed_in: str = "",
        missing: frozenset[str] = frozenset(),
        code: str = "",
    ) -> TicketOutcome:
        return TicketOutcome(ticket, ending, self._core.clock(), signed_in, missing, code)

    def _failed(self, ticket: Ticket, error: InboxkeeperError) -> TicketOutcome:
        """The next try tells the provider what it wants to be told (a claims challenge)."""
        wanted = error.claims if isinstance(error, ProviderError) else ""
        ticket = replace(ticket, claims=wanted or ticket.claims)
        return self._outcome(ticket, _ending_of(error), code=_code_of(error))

    def _staged(self, ticket: Ticket, authorization: Authorization) -> Grant:
        return Grant(
            id=GrantId(new_id()),
            workspace_id=ticket.workspace_id,
            channel_id=ticket.channel_id,
            address=authorization.address,
            identity=authorization.identity,
            scopes=authorization.scopes,
            secret=authorization.secret,
            delegate=authorization.delegate,
            phase=Phase.STAGED,
            obtained_at=self._core.clock(),
        )

    def _draft(self, ticket: Ticket, grant: Grant) -> Channel:
        now = self._core.clock()
        return Channel(
            id=ChannelId(new_id()),
            workspace_id=ticket.workspace_id,
            address=ticket.address,
            kind=ticket.kind,
            owner_id=_owner(ticket),
            connected_by=ticket.user_id,
            provider=ticket.provider,
            identity=grant.identity,
            state=State.IMPAIRED,
            cause=Cause.CHECKING,
            since=now,
            created_at=now,
            grant_id=grant.id,
            use=ticket.inbox.use,
            name=ticket.inbox.name,
            conversation_id=ticket.inbox.conversation_id,
            via=ticket.via,
        )


def _owner(ticket: Ticket) -> UserId | None:
    return None if ticket.kind is Kind.TEAM else ticket.user_id


def _has_left(channel: Channel | None, ticket: Ticket) -> bool:
    """Whether a channel that was to be reconnected has been switched meanwhile."""
    is_renewal = ticket.purpose is Purpose.RECONNECT
    return is_renewal and channel is not None and channel.provider != ticket.provider


def _is_wanted(ticket: Ticket, pinned: Channel | None, authorization: Authorization) -> bool:
    """Reconnecting takes the pinned account itself; connecting, and switching, one that owns the address, or
    the very one of which a super admin said that it receives the address."""
    if pinned is not None and ticket.purpose is Purpose.RECONNECT:
        return pinned.identity == authorization.identity or _is_renamed(
            ticket, pinned, authorization.identity
        )
    return _owns(ticket, authorization) or ticket.confirmed == authorization.identity.subject


def _is_renamed(ticket: Ticket, channel: Channel, identity: MailboxIdentity) -> bool:
    """Whether somebody has said that this is the channel's own mailbox at a host by another name."""
    return ticket.confirmed == identity.subject and channel.identity.has_moved_to(identity)


def may_claim(ticket: Ticket, claim: Claim) -> bool:
    """Whether the mailbox that a login name speaks for may be the one that is wanted. A name that is no
    address says nothing."""
    if not claim.address or ticket.confirmed == claim.identity.subject:
        return True
    return any(same_address(claim.address, one) for one in (ticket.address, ticket.via))


def _owns(ticket: Ticket, authorization: Authorization) -> bool:
    return any(same_address(ticket.address, owned) for owned in authorization.addresses)


def _via(ticket: Ticket, authorization: Authorization) -> str:
    """The account by its present address, where it opens an address that is not its own."""
    return authorization.address if ticket.via and not _owns(ticket, authorization) else ""


def _ending_of(error: InboxkeeperError) -> OutcomeKind:
    if isinstance(error, ProviderUnavailable):
        return OutcomeKind.PROVIDER_AWAY
    if isinstance(error, ProviderMisconfigured | ProviderOff):
        return OutcomeKind.OURS_BROKEN
    return OutcomeKind.NOT_PROVEN


def _code_of(error: InboxkeeperError) -> str:
    cause = getattr(error, "cause", None)
    return cause.value if isinstance(cause, Cause) else getattr(error, "code", "")
