"""The table of what may happen to a channel."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.channel import REFUSED_CAUSES, Cause, Channel, State
from bot.domain.grant import MailboxIdentity
from bot.domain.ids import GrantId
from bot.domain.lifecycle import (
    NEWS,
    PROOFS,
    REFUSE,
    STAY,
    TRANSITIONS,
    Effect,
    Facts,
    Signal,
    Step,
    TransitionRefused,
    advance,
)
from tests.storage.builders import NOW, a_channel
from tools.lifecycle_doc import document

LATER = NOW + timedelta(hours=1)
OWN, OTHER, NEW = GrantId("own"), GrantId("other"), GrantId("new")


def a_channel_in(state: State, **changes: Any) -> Channel:
    removed = state is State.REMOVED
    cause = {State.IMPAIRED: Cause.CHECKING, State.DISCONNECTED: Cause.GRANT_REFUSED}.get(state, Cause.NONE)
    kept = {"grant_id": None if removed else OWN, "removed_at": NOW if removed else None, "cause": cause}
    return a_channel(state=state, **{**kept, **changes})


def test_every_pair_of_state_and_signal_is_decided() -> None:
    """There is no state in which a signal meets nobody who knows what to do."""
    assert set(TRANSITIONS) == set(product(State, Signal))
    assert all(isinstance(step, Step) or step in (STAY, REFUSE) for step in TRANSITIONS.values())


def test_removed_is_final_but_for_a_restore() -> None:
    """Nothing brings a removed channel back except proving the same mailbox again."""
    leaving = {
        signal
        for signal in Signal
        if isinstance(step := TRANSITIONS[State.REMOVED, signal], Step) and step.to is not State.REMOVED
    }
    assert leaving == {Signal.RESTORE_PROVEN}


def test_every_state_is_reachable_from_a_new_channel() -> None:
    """A new channel, being checked, can get into every state there is."""
    reached, frontier = {State.IMPAIRED}, [State.IMPAIRED]
    while frontier:
        state = frontier.pop()
        steps = (TRANSITIONS[state, signal] for signal in Signal)
        found = {step.to for step in steps if isinstance(step, Step)} - reached
        reached |= found
        frontier.extend(found)
    assert reached == set(State)


def test_losing_a_grant_always_opens_an_incident() -> None:
    """No way leads into *disconnected* without telling somebody."""
    entering = [
        step
        for (state, _), step in TRANSITIONS.items()
        if isinstance(step, Step) and step.to is State.DISCONNECTED and state is not State.DISCONNECTED
    ]
    assert entering
    assert all(Effect.OPEN_INCIDENT in step.effects for step in entering)


def test_whatever_ends_a_disconnect_takes_the_alarm_back() -> None:
    """A message that says *stopped working* never outlives the outage."""
    ending = {Effect.RESOLVE_INCIDENT, Effect.RECALL_INCIDENT}
    for signal in set(Signal) - {Signal.WORKSPACE_GONE}:
        step = TRANSITIONS[State.DISCONNECTED, signal]
        if isinstance(step, Step) and step.to is not State.DISCONNECTED:
            assert ending & set(step.effects), signal


def test_nobody_is_paged_for_a_disabled_channel() -> None:
    """Whatever becomes of the grant of a channel that a person turned off, no incident is opened."""
    for signal in NEWS:
        step = TRANSITIONS[State.DISABLED, signal]
        assert not isinstance(step, Step) or (step.to is State.DISABLED and not step.effects), signal


@pytest.mark.parametrize("signal", sorted(NEWS))
@pytest.mark.parametrize("state", sorted(set(State) - {State.REMOVED}))
def test_news_about_a_replaced_grant_is_no_news(state: State, signal: Signal) -> None:
    """What is learned about a grant that the channel no longer uses changes nothing (rule 1)."""
    channel = a_channel_in(state)
    assert advance(channel, signal, Facts(grant_id=OTHER, cause=Cause.GRANT_REFUSED), now=LATER) == (
        channel,
        (),
    )


@pytest.mark.parametrize("signal", [Signal.DISABLE_ASKED, Signal.ENABLE_ASKED, Signal.REMOVE_ASKED])
@pytest.mark.parametrize("state", list(State))
def test_asking_twice_sends_once(state: State, signal: Signal) -> None:
    """The second of two equal wishes neither writes nor tells anybody anything."""
    try:
        once, _ = advance(a_channel_in(state), signal, now=NOW)
    except TransitionRefused:
        return
    assert advance(once, signal, now=LATER) == (once, ())


@pytest.mark.parametrize("state", sorted(set(State) - {State.REMOVED}))
def test_a_switch_changes_the_mailbox_and_nothing_that_people_set(state: State) -> None:
    """Provider, mailbox and grant are new; id, owner, kind, use and conversation stay; disabled stays so."""
    channel = a_channel_in(state, use="CRM reads it")
    there = MailboxIdentity("microsoft", "1.2", "2")
    after, effects = advance(channel, Signal.SWITCH_PROVEN, Facts(grant_id=NEW, identity=there), now=LATER)
    expected = State.DISABLED if state is State.DISABLED else State.CONNECTED
    assert (after.provider, after.identity, after.grant_id, after.state) == (
        "microsoft",
        there,
        NEW,
        expected,
    )
    new = {"provider", "identity", "grant_id", "state", "cause", "since"}
    kept = [field.name for field in fields(Channel) if field.name not in new]
    assert [getattr(after, name) for name in kept] == [getattr(channel, name) for name in kept]
    assert {Effect.CLOSE_OLD_WAYS, Effect.RETIRE_GRANT, Effect.RESOLVE_INCIDENT, Effect.ANNOUNCE} == set(
        effects
    )


@pytest.mark.parametrize("signal", sorted(set(Signal) - {Signal.SWITCH_PROVEN}))
@pytest.mark.parametrize("state", list(State))
def test_only_a_switch_changes_the_provider(state: State, signal: Signal) -> None:
    """Whatever else is told, with whatever mailbox, a channel stays where it is."""
    channel = a_channel_in(state)
    there = MailboxIdentity("microsoft", "1.2")
    try:
        after, _ = advance(channel, signal, Facts(grant_id=OWN, identity=there), now=LATER)
    except TransitionRefused:
        return
    assert (after.provider, after.identity) == (channel.provider, channel.identity)


def test_reconnecting_a_disabled_channel_does_not_enable_it() -> None:
    """A renewed grant is not a wish to turn it on (rule 7)."""
    after, effects = advance(
        a_channel_in(State.DISABLED, cause=Cause.GRANT_REFUSED),
        Signal.RECONNECT_PROVEN,
        Facts(grant_id=NEW),
        now=LATER,
    )
    assert (after.state, after.cause, after.grant_id) == (State.DISABLED, Cause.NONE, NEW)
    assert effects == (Effect.SUPERSEDE_GRANT, Effect.SETTLE_RECONNECTS)


def test_disabling_remembers_why_it_did_not_work() -> None:
    """An inbox that was refused when it was disabled still needs a new sign-in."""
    broken = a_channel_in(State.DISCONNECTED, cause=Cause.ACCOUNT_DISABLED)
    after, _ = advance(broken, Signal.DISABLE_ASKED, now=LATER)
    assert (after.state, after.cause) == (State.DISABLED, Cause.ACCOUNT_DISABLED)
    assert after.needs_reconnect


def test_a_working_channel_that_is_disabled_needs_no_reconnect() -> None:
    """Turning off what works leaves nothing to mend."""
    after, _ = advance(a_channel_in(State.CONNECTED), Signal.DISABLE_ASKED, now=LATER)
    assert not after.needs_reconnect


def test_enabling_goes_through_a_check() -> None:
    """Enabled is not connected before a probe says so."""
    after, effects = advance(a_channel_in(State.DISABLED), Signal.ENABLE_ASKED, now=LATER)
    assert (after.state, after.cause) == (State.IMPAIRED, Cause.CHECKING)
    assert Effect.PROBE_NOW in effects


def test_enabling_what_the_provider_refuses_is_refused() -> None:
    """There is nothing to turn on where the provider says no."""
    with pytest.raises(TransitionRefused) as refused:
        advance(a_channel_in(State.DISCONNECTED), Signal.ENABLE_ASKED, now=LATER)
    assert (refused.value.state, refused.value.signal) == (State.DISCONNECTED, Signal.ENABLE_ASKED)


def test_a_refusal_is_not_forgotten_because_the_network_failed() -> None:
    """Trouble reaching the provider after a first refusal leaves the cause as it was."""
    refused = a_channel_in(State.IMPAIRED, cause=Cause.GRANT_REFUSED)
    assert advance(refused, Signal.UNREACHABLE, Facts(grant_id=OWN), now=LATER) == (refused, ())


@pytest.mark.parametrize("state", sorted(set(State) - {State.REMOVED}))
def test_removing_always_succeeds_and_gives_the_grant_back(state: State) -> None:
    """From every state a person can leave, and what waits for an answer ends with it (rule 5)."""
    after, effects = advance(a_channel_in(state), Signal.REMOVE_ASKED, now=LATER)
    assert (after.state, after.removed_at, after.grant_id) == (State.REMOVED, LATER, None)
    assert {Effect.VOID_ASKS, Effect.RETIRE_GRANT, Effect.ANNOUNCE} <= set(effects)


def test_nothing_is_revoked_without_a_person_asking() -> None:
    """Grants are given back for a removal or a switch, never because of something learned (rule 5)."""
    causes = {s for (_, s), step in TRANSITIONS.items() if Effect.RETIRE_GRANT in _effects(step)}
    assert causes == {Signal.REMOVE_ASKED, Signal.SWITCH_PROVEN}


def test_a_workspace_that_left_loses_its_secrets_without_a_revoke() -> None:
    """Nobody asked us to end anything at the provider: the secret is only forgotten."""
    for state in set(State) - {State.REMOVED}:
        _, effects = advance(a_channel_in(state), Signal.WORKSPACE_GONE, now=LATER)
        assert Effect.ERASE_GRANT in effects
        assert Effect.RETIRE_GRANT not in effects


def test_since_tells_when_the_state_began() -> None:
    """The instant moves with the state and stays while the state does."""
    impaired, _ = advance(
        a_channel_in(State.CONNECTED),
        Signal.REFUSED,
        Facts(cause=Cause.GRANT_REFUSED, grant_id=OWN),
        now=LATER,
    )
    again = replace(impaired, cause=Cause.CHECKING)
    still, _ = advance(
        again, Signal.REFUSED, Facts(cause=Cause.ADMIN_POLICY, grant_id=OWN), now=LATER + timedelta(hours=1)
    )
    assert (impaired.since, still.since, still.cause) == (LATER, LATER, Cause.ADMIN_POLICY)


def test_the_printed_table_is_not_stale() -> None:
    """``docs/lifecycle.md`` is what the table says."""
    printed = Path(__file__).parents[2] / "docs" / "lifecycle.md"
    assert printed.read_text(encoding="utf-8") == document()


def _effects(step: object) -> tuple[Effect, ...]:
    return step.effects if isinstance(step, Step) else ()


def _of_what(signal: Signal) -> st.SearchStrategy[tuple[Signal, Cause, str]]:
    causes = st.sampled_from(sorted(REFUSED_CAUSES)) if signal in NEWS else st.just(Cause.NONE)
    return st.tuples(st.just(signal), causes, st.sampled_from(["own", "stale", "none"]))


# Told once, at birth, to a channel that has no grant yet.
LATER_SIGNALS = sorted(set(Signal) - {Signal.CONNECT_PROVEN})
happenings = st.lists(st.sampled_from(LATER_SIGNALS).flatmap(_of_what), max_size=25)


@settings(max_examples=100, deadline=None)
@given(start=st.sampled_from(list(State)), happenings=happenings)
def test_no_sequence_of_signals_breaks_a_channel(
    start: State, happenings: list[tuple[Signal, Cause, str]]
) -> None:
    """Whatever is asked and learned in whatever order, state, cause, grant and dates fit each other."""
    channel, now = a_channel_in(start), NOW
    for number, (signal, cause, about) in enumerate(happenings):
        now += timedelta(minutes=1)
        grants = {"own": channel.grant_id, "stale": OTHER, "none": None}
        grant_id = GrantId(f"new{number}") if signal in PROOFS else grants[about]
        try:
            after, effects = advance(channel, signal, Facts(cause=cause, grant_id=grant_id), now=now)
        except TransitionRefused:
            continue
        _provider_outages(channel, after, effects, signal)
        channel = after


def _provider_outages(before: Channel, after: Channel, effects: tuple[Effect, ...], signal: Signal) -> None:
    assert (after.id, after.address, after.identity) == (before.id, before.address, before.identity)
    assert (after.state is State.REMOVED) == (after.removed_at is not None) == (after.grant_id is None)
    assert after.state is not State.CONNECTED or after.cause is Cause.NONE
    assert after.state is not State.DISCONNECTED or after.cause in REFUSED_CAUSES
    assert after.state is not State.IMPAIRED or after.cause is not Cause.NONE
    assert after.since >= before.since
    if before.state is State.DISABLED and after.state not in {State.DISABLED, State.REMOVED}:
        assert signal is Signal.ENABLE_ASKED
    if before.state is not State.DISCONNECTED and after.state is State.DISCONNECTED:
        assert Effect.OPEN_INCIDENT in effects
    if before.grant_id != after.grant_id and before.grant_id is not None:
        assert {Effect.SUPERSEDE_GRANT, Effect.RETIRE_GRANT, Effect.ERASE_GRANT} & set(effects)
