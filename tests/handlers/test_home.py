"""The Home tab, and Slack's events."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.address import LONGEST
from bot.domain.errors import GuestNotAllowed
from bot.domain.ids import UserId
from bot.domain.view_models import Browse
from bot.slack.client import SlackClient
from bot.slack.directory import person_of
from bot.views.home import drawn_text
from handlers.bolt import Identity, build_slack
from handlers.responding import ResponseBudget
from handlers.slack_request import Malformed, read
from handlers.tasks import MOST_AT_ONCE
from storage import StorageAway
from tests.handlers.conftest import PACE, Bench, texts
from tests.handlers.payloads import a_click, a_click_in, a_command, a_form, an_event, picked
from tests.views.samples import ANN, NOW, W, a_channel

OPENED = {"type": "app_home_opened", "user": ANN, "tab": "home"}
ADDRESS = "ann@example.com"


async def test_home_is_drawn_when_somebody_looks(bench: Bench) -> None:
    """Every visit draws the overview from the database."""
    answer = await bench.send(an_event(OPENED))
    assert answer.status == 200
    await bench.slack.until(lambda: bool(bench.slack.of("views.publish")))
    published = bench.slack.of("views.publish")[0]
    assert published["user_id"] == ANN
    assert ADDRESS in texts(published)


async def test_the_messages_tab_is_not_home(bench: Bench) -> None:
    """Opening the conversation draws nothing."""
    await bench.send(an_event(OPENED | {"tab": "messages"}))
    await bench.side.drain()
    assert bench.slack.calls == []


async def test_a_home_that_somebody_else_drew_is_drawn_again(bench: Bench) -> None:
    """When another process was first, the picture is read anew and published once more."""
    bench.slack.refusals["views.publish"] = ["hash_conflict"]
    await bench.send(an_event(OPENED | {"view": {"id": "V", "hash": "theirs"}}))
    await bench.slack.until(lambda: bool(bench.slack.of("views.publish")))
    assert "hash" not in bench.slack.of("views.publish")[0]


async def test_viewers_see_what_others_do(bench: Bench) -> None:
    """Whoever looked in the last ten minutes gets the new picture, the actor too, each once."""
    await bench.send(an_event(OPENED))
    await bench.slack.until(lambda: len(bench.slack.of("views.publish")) == 1)
    bench.side.refresh_home(ANN, "UOTHER")  # type: ignore[arg-type]
    await bench.slack.until(lambda: len(bench.slack.of("views.publish")) == 3)
    assert {call["user_id"] for call in bench.slack.of("views.publish")[1:]} == {ANN, "UOTHER"}
    assert bench.slack.of("views.publish")[1]["hash"] == "h1"


async def test_what_was_looked_for_stays_until_the_next_visit(bench: Bench) -> None:
    """The field and the menu are read together; what others do meanwhile changes nothing of the choice."""

    def drawn() -> str:
        return texts(bench.slack.of("views.publish")[-1])

    values = {
        "home_search:7": {"home.search": {"value": "ＡＮＮ@"}},
        "home_state:7": {"home.state": picked("disabled")},
    }
    click = a_click_in("home", "home.search", "ＡＮＮ@")
    click["view"]["state"] = {"values": values}
    await bench.send(click)
    for number in (1, 2):
        await bench.slack.until(lambda n=number: len(bench.slack.of("views.publish")) == n)  # type: ignore[misc]
        assert "'initial_value': 'ANN@'" in drawn() and "home_search:8" in drawn()
        if number == 1:
            bench.side.refresh_home(ANN)
    await bench.send(a_click_in("home", "home.all"))
    await bench.slack.until(lambda: len(bench.slack.of("views.publish")) == 3)
    assert "'initial_value'" not in drawn()
    await bench.send(a_click_in("home", "home.next", "25:disabled:ann"))
    await bench.slack.until(lambda: len(bench.slack.of("views.publish")) == 4)
    assert "'initial_value': 'ann'" in drawn() and "0:disabled:ann" in drawn()


def _seen(bench: Bench, number: int) -> dict[str, Any]:
    """The Home that was published as this one, as Slack sends it along with a click on it."""
    view = bench.slack.of("views.publish")[number - 1]["view"]
    return {**view, "id": "VHOME", "team_id": W, "hash": f"h{number}", "state": {"values": {}}}


def _clicked(bench: Bench, number: int, action_id: str, value: str = "") -> dict[str, Any]:
    return a_click_in("home", action_id, value) | {"view": _seen(bench, number)}


async def _is_drawn(bench: Bench, number: int) -> str:
    await bench.slack.until(lambda: len(bench.slack.of("views.publish")) == number)
    return texts(bench.slack.of("views.publish")[-1])


async def test_another_process_goes_on_with_what_was_chosen(bench: Bench) -> None:
    """The page that Slack sends along says what its reader looks for: whichever process hears the next click,
    or that they come back within minutes, draws the same choice, upon the picture that is there."""
    other = bench.build(PACE)
    await bench.send(an_event(OPENED))
    await _is_drawn(bench, 1)
    await other.dispatch(_clicked(bench, 1, "home.next", "25:disabled:ann"))
    await _is_drawn(bench, 2)
    await bench.send(_clicked(bench, 2, "channel.disable", "c1"))
    bench.side.refresh_home(UserId("UOTHER"))
    await bench.slack.until(lambda: len(bench.slack.of("views.publish")) == 4)
    hers = [it for it in bench.slack.of("views.publish")[2:] if it["user_id"] == ANN]
    assert [it["hash"] for it in hers] == ["h2"] and "'initial_value': 'ann'" in texts(hers[0])
    third = bench.build(PACE)
    await third.dispatch(an_event(OPENED | {"view": _seen(bench, 2)}))
    assert "'initial_value': 'ann'" in await _is_drawn(bench, 5)
    await other.drain(5)
    await third.drain(5)


async def test_what_somebody_else_does_throws_nobody_off_their_page(bench: Bench) -> None:
    """They look at what another process drew: this one does not know what they chose, and leaves it."""
    await bench.send(an_event(OPENED))
    await _is_drawn(bench, 1)
    bench.slack.refusals["views.publish"] = ["hash_conflict"]
    bench.side.refresh_home()
    while bench.slack.refusals["views.publish"]:
        await asyncio.sleep(0)
    await bench.side.drain(5)
    assert len(bench.slack.of("views.publish")) == 1


@pytest.mark.parametrize("is_refused", [False, True])
async def test_what_was_read_before_a_click_is_not_drawn_over_what_was_clicked(
    bench: Bench, is_refused: bool
) -> None:
    """While it was read for what others did, they clicked on a page that another process drew: that stays."""
    other = bench.build(PACE)
    await bench.send(an_event(OPENED))
    await _is_drawn(bench, 1)
    await other.dispatch(_clicked(bench, 1, "home.next", "25:disabled:ann"))
    await _is_drawn(bench, 2)
    gate = bench.services.channels.gate = asyncio.Event()
    bench.side.refresh_home()
    for _ in range(50):
        await asyncio.sleep(0)
    click = asyncio.create_task(bench.send(_clicked(bench, 2, "channel.status", "c1")))
    for _ in range(50):
        await asyncio.sleep(0)
    bench.slack.refusals["views.publish"] = ["hash_conflict"] if is_refused else []
    gate.set()
    await click
    await _is_drawn(bench, 3)
    third = bench.slack.of("views.publish")[2]
    # The first is what Slack does not take; then it is read for what they chose.
    assert (third.get("hash"), "'initial_value': 'ann'" in texts(third)) == (
        (None, True) if is_refused else ("h1", False)
    )
    await other.drain(5)


async def test_a_page_that_is_older_than_what_is_known_changes_nothing(bench: Bench) -> None:
    """They turned the page, and clicked once more before it came: they stay where they went."""
    moved = NOW

    def clock() -> datetime:
        nonlocal moved
        moved += timedelta(milliseconds=1)
        return moved

    bench.clock = clock
    bench.side = bench.build(PACE)
    await bench.send(an_event(OPENED))
    await _is_drawn(bench, 1)
    await bench.send(_clicked(bench, 1, "home.next", "25:any:ann"))
    await bench.send(_clicked(bench, 1, "channel.disable", "c1"))
    await _is_drawn(bench, 2)
    bench.side.refresh_home(ANN)
    drawn = await _is_drawn(bench, 3)
    assert "'initial_value': 'ann'" in drawn and bench.slack.of("views.publish")[2]["hash"] == "h2"


async def test_what_somebody_sees_is_not_published_again(bench: Bench) -> None:
    """They come back, nothing has changed, and Slack says that it shows what was published: it stays. Any
    change is published upon it."""
    bench.services.channels.marked = "1"
    await bench.send(an_event(OPENED))
    await bench.side._tasks.drain(within=5)
    for _ in range(2):
        await bench.send(an_event(OPENED | {"view": _seen(bench, 1)}))
        await bench.side._tasks.drain(within=5)
    assert len(bench.slack.of("views.publish")) == 1
    bench.services.channels.channels["c1"] = a_channel(name="Renamed")
    bench.services.channels.marked = "2"
    await bench.send(an_event(OPENED | {"view": _seen(bench, 1)}))
    assert "Renamed" in await _is_drawn(bench, 2)
    assert bench.slack.of("views.publish")[1]["hash"] == "h1"


@pytest.mark.parametrize("view", [{}, {"hash": "h9"}, {"hash": ""}, {"hash": None}])
async def test_only_what_slack_says_they_see_stays(bench: Bench, view: dict[str, Any]) -> None:
    """Where it names another Home, or none, it is published: somebody else drew theirs, or it is gone."""
    bench.services.channels.marked = "1"
    await bench.send(an_event(OPENED))
    await _is_drawn(bench, 1)
    await bench.send(an_event(OPENED | ({"view": {**_seen(bench, 1), **view}} if view else {})))
    await _is_drawn(bench, 2)
    bench.side.refresh_home(ANN)
    await _is_drawn(bench, 3)


async def test_a_page_that_was_left_does_not_stay(bench: Bench) -> None:
    """They turn to the next page and back, in whatever process, while nothing changes: each is shown, and
    what another process shows is gone on with."""
    bench.services.channels.marked = "1"
    other = bench.build(PACE)
    await bench.send(an_event(OPENED))
    first = await _is_drawn(bench, 1)
    await other.dispatch(_clicked(bench, 1, "home.next", "25:any:ann"))
    assert "'initial_value': 'ann'" in await _is_drawn(bench, 2)
    await bench.send(an_event(OPENED | {"view": _seen(bench, 2)}))
    assert "'initial_value': 'ann'" in await _is_drawn(bench, 3)
    assert bench.slack.of("views.publish")[2]["hash"] == "h2"
    await bench.send(_clicked(bench, 3, "home.previous", "0:any:"))
    assert "'initial_value'" not in await _is_drawn(bench, 4) and "'initial_value'" not in first
    await other.dispatch(an_event(OPENED | {"view": _seen(bench, 4)}))
    assert "'initial_value'" not in await _is_drawn(bench, 5)
    await other.drain(5)


async def test_what_slack_may_not_have_taken_does_not_stay(bench: Bench) -> None:
    """A drawing that was cut off, or put off: the next look publishes it, whatever Slack says they see."""
    bench.services.channels.marked = "1"
    await bench.send(an_event(OPENED))
    await _is_drawn(bench, 1)
    bench.services.channels.channels["c1"] = a_channel(name="Renamed")
    bench.services.channels.marked = "2"
    bench.slack.is_down = True
    await bench.send(an_event(OPENED | {"view": _seen(bench, 1)}))
    await bench.side._tasks.drain(within=5)
    bench.slack.is_down = False
    await bench.send(an_event(OPENED | {"view": _seen(bench, 1)}))
    assert "Renamed" in await _is_drawn(bench, 2)


async def test_a_page_of_an_earlier_visit_is_not_gone_on_with(bench: Bench) -> None:
    """Hours later they see all there is, whichever process draws it."""
    drawn = drawn_text(Browse("ann", skip=25), NOW - timedelta(minutes=11))
    view = {"id": "VHOME", "type": "home", "hash": "h0", "private_metadata": drawn}
    await bench.send(an_event(OPENED | {"view": view}))
    assert "'initial_value'" not in await _is_drawn(bench, 1)
    assert bench.slack.of("views.publish")[0]["hash"] == "h0"


async def test_a_long_address_is_looked_for_whole(bench: Bench) -> None:
    """What is repeated to people is cut, not what is looked for; beyond what an address has it is."""
    long = f"{'a' * 64}@{'b' * 60}.example"
    bench.services.channels.channels["c2"] = a_channel(id="c2", address=long)
    bench.services.channels.channels["c3"] = a_channel(id="c3", address="c" * LONGEST)

    async def looks_for(text: str, number: int) -> str:
        click = a_click_in("home", "home.search", text)
        click["view"]["state"] = {"values": {"home_search:1": {"home.search": {"value": text}}}}
        await bench.send(click)
        await bench.slack.until(lambda: len(bench.slack.of("views.publish")) == number)
        return texts(bench.slack.of("views.publish")[-1])

    drawn = await looks_for(long, 1)
    assert f"'initial_value': '{long}'" in drawn and "No inbox here" not in drawn
    assert f"'initial_value': '{'c' * LONGEST}'" in await looks_for("ｃ" * (LONGEST + 9), 2)
    answer = texts((await bench.send(a_command(f"list {long}"))).body)
    assert "Inboxes with" in answer


async def test_a_crowd_is_drawn_each_once(bench: Bench) -> None:
    """More people look at once than answers may be under way: every event is taken, everybody is drawn, and
    who looks again before their turn is drawn once."""
    people = [f"U{number}" for number in range(MOST_AT_ONCE + 20)]
    for user in [*people, *people[-50:]]:
        assert (await bench.send(an_event(OPENED | {"user": user}))).status == 200
    for drawn in range(20, len(people) + 1, 20):
        await bench.slack.until(lambda drawn=drawn: len(bench.slack.of("views.publish")) >= drawn)  # type: ignore[misc]
    assert Counter(call["user_id"] for call in bench.slack.of("views.publish")) == Counter(people)


async def test_a_drawing_that_slack_puts_off_is_not_lost(bench: Bench) -> None:
    """Slack asks to be left alone: nobody knocks meanwhile, and then everybody is drawn after all."""
    now, pauses = NOW, []

    async def pause(seconds: float) -> None:
        nonlocal now
        pauses.append(seconds)
        now += timedelta(seconds=seconds)
        bench.slack.retry_after = None

    client = SlackClient(bench.client.web, clock=lambda: now, metrics=bench.metrics)
    services: Any = bench.services
    side = build_slack(
        services,
        client=client,
        identity=Identity(W, UserId("UBOT"), "BBOT"),
        command="/inbox",
        clock=lambda: now,
        budget=ResponseBudget(pause=pause),
    )
    bench.slack.retry_after = "30"
    for number in range(20):
        await side.dispatch(an_event(OPENED | {"user": f"U{number}"}))
    await bench.slack.until(lambda: len(bench.slack.of("views.publish")) == 20)
    assert len({call["user_id"] for call in bench.slack.of("views.publish")}) == 20
    assert pauses and max(pauses) <= 30
    await side.drain(5)


async def test_a_guest_sees_why_not(bench: Bench) -> None:
    """Home is never blank: a refusal is drawn in words."""
    bench.services.trouble.error = GuestNotAllowed()
    await bench.send(an_event(OPENED))
    await bench.slack.until(lambda: bool(bench.slack.of("views.publish")))
    assert "Guests" in texts(bench.slack.of("views.publish")[0])


async def test_home_without_a_database_says_so(bench: Bench) -> None:
    """The tab says that it will be back, and the next look draws it."""
    bench.services.trouble.error = StorageAway()
    bench.side.refresh_home(ANN)
    await bench.slack.until(lambda: bool(bench.slack.of("views.publish")))
    assert "try again" in texts(bench.slack.of("views.publish")[0])


@pytest.mark.parametrize("error", [StorageAway(), GuestNotAllowed(), RuntimeError("a fault")])
async def test_what_could_not_be_drawn_is_not_kept(bench: Bench, error: Exception) -> None:
    """The next look draws it, though nothing was committed."""
    bench.services.channels.marked = "1"
    bench.services.trouble.error = error
    await bench.send(an_event(OPENED))
    assert ADDRESS not in await _is_drawn(bench, 1)
    bench.services.trouble.error = None
    await bench.send(an_event(OPENED | {"view": _seen(bench, 1)}))
    assert ADDRESS in await _is_drawn(bench, 2)


async def test_slack_being_down_breaks_nothing(bench: Bench) -> None:
    """A Home that cannot be drawn now is drawn at the next look."""
    bench.slack.is_down = True
    bench.side.refresh_home(ANN)
    await bench.side.drain()
    assert bench.slack.calls == []


async def test_a_changed_person_is_learned(bench: Bench) -> None:
    """Deactivation, language and role follow Slack without being asked for."""
    user = {"id": ANN, "team_id": W, "deleted": True, "profile": {"real_name": "Ann"}}
    await bench.send(an_event({"type": "user_change", "user": user | {"locale": "ja-JP"}}))
    await bench.send(an_event({"type": "user_change", "user": user}))
    first, second = bench.services.people.known
    assert (first.is_deleted, first.locale) == (True, "ja-JP")
    assert second.locale == "en-US", "a user object without a language does not reset it"


async def test_an_uninstall_is_heard_once(bench: Bench) -> None:
    """Delivered again after a reinstall, it must not end the new installation."""
    for _ in range(2):
        await bench.send(an_event({"type": "app_uninstalled"}))
    assert bench.services.workspaces.left == [W]


@pytest.mark.parametrize(
    ("tokens", "left"), [({"bot": ["UBOT"]}, 1), ({"oauth": [ANN]}, 0), ("x", 0), (None, 0)]
)
async def test_only_the_bots_own_token_matters(bench: Bench, tokens: object, left: int) -> None:
    """A person's revoked token is no reason to stop."""
    await bench.send(an_event({"type": "tokens_revoked", "tokens": tokens}))
    assert len(bench.services.workspaces.left) == left


async def test_an_event_that_was_not_written_down_is_asked_for_again(bench: Bench) -> None:
    """While the database is away Slack keeps the event and sends it later."""
    bench.services.trouble.error = StorageAway()
    answer = await bench.send(an_event({"type": "app_uninstalled"}))
    assert answer.status == 503


async def test_a_slow_event_is_asked_for_again(bench: Bench) -> None:
    """An event is not acknowledged before it is dealt with."""
    bench.hurry()
    gate = bench.services.trouble.gate = asyncio.Event()
    answer = await bench.send(an_event({"type": "app_uninstalled"}))
    assert answer.status == 503
    gate.set()


async def test_events_of_other_workspaces_and_kinds_are_taken_and_dropped(bench: Bench) -> None:
    """What nobody asked for is acknowledged, or Slack would send it for ever."""
    for event in (
        an_event({"type": "app_uninstalled"}, team_id="TOTHER"),
        an_event({"type": "reaction_added"}),
    ):
        assert (await bench.send(event)).status == 200
    assert (await bench.send({"type": "block_suggestion", "team": {"id": W}})).status == 200
    assert bench.services.workspaces.left == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": 5},
        {"type": "block_actions"},
        {"type": "block_actions", "user": "x", "actions": []},
        {"type": "block_actions", "user": {"id": ANN, "team_id": W}, "actions": ["x"], "view": {"id": "V"}},
        {"type": "view_submission", "user": {"id": ANN}, "team": {"id": W}},
        {"type": "view_submission", "user": {"id": ANN, "team_id": W}, "view": {"id": 5}},
        {"command": ["/inbox"], "team_id": W, "user_id": ANN},
        {"command": "/inbox"},
    ],
)
async def test_a_payload_of_the_wrong_shape_is_malformed(bench: Bench, body: dict[str, object]) -> None:
    """Wrong types end at the door, with a small word and no traceback."""
    with pytest.raises(Malformed):
        read(body)
    answer = await bench.send(body)
    assert (answer.status, answer.body) == (400, {"error": "malformed"})


@pytest.mark.parametrize(
    "event",
    [
        {"event": []},
        {"team_id": W},
        {"team_id": "T" * 5000, "event": {"type": "user_change"}},
        {"team_id": W, "event": {"type": "x", "user": 5}},
        {"team_id": W, "event": {"type": "app_home_opened", "user": ANN, "tab": "home", "view": []}},
        {"team_id": W, "event": {"type": "tokens_revoked", "tokens": {"bot": 5}}},
        {"team_id": W, "event": {"type": "user_change", "user": {"id": {}}}},
        {"team_id": W, "event": {"type": "user_change", "user": {"id": ANN, "profile": "x"}}},
        {"team_id": W, "event": {"type": "user_change", "user": {"id": ANN, "profile": {"email": [1]}}}},
    ],
)
async def test_an_event_of_the_wrong_shape_is_not_asked_for_again(
    bench: Bench, event: dict[str, object]
) -> None:
    """Refused, it would come three times more, and no other."""
    assert (await bench.send({"type": "event_callback", "event_id": "Ev1", **event})).status == 200


@pytest.mark.parametrize("odd", ["\x00", "\ud800", "\udfff", "a\x00b\ud83dc"])
def test_what_cannot_be_stored_is_replaced_wherever_it_stands(odd: str) -> None:
    """JSON can spell characters that PostgreSQL refuses and that are no UTF-8."""
    command = read(a_command(f"status {odd}", user_id=f"U{odd}", trigger_id=odd))
    form = read(a_form("channel.connect", metadata=odd, address=odd, chosen={odd: {"value": odd}}))
    event = read(an_event({"type": f"x{odd}", "user": odd}, event_id=odd))
    person = person_of({"id": ANN, "profile": {"email": f"{odd}@a.example", "real_name": odd}})
    kept = [command.text, command.user_id, command.key, form.value, *form.fields, *form.fields.values()]
    kept += [event.name, event.user_id, event.key, person.email, person.name]
    for text in kept:
        assert "\x00" not in text
        assert text.encode("utf-8", "replace").decode() == text
    assert command.text == f"status {odd}".translate(dict.fromkeys([0, 0xD800, 0xDFFF, 0xD83D], "\ufffd"))


@pytest.mark.parametrize("name", ["user_id", "team_id", "trigger_id"])
def test_an_id_too_long_to_be_one_is_malformed(name: str) -> None:
    """What is looked up by must fit a database's index."""
    with pytest.raises(Malformed):
        read(a_command("list", **{name: "U" * 3000}))


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
_KEYS = [
    "enterprise",
    "authorizations",
    "team",
    "user",
    "view",
    "event",
    "actions",
    "container",
    "type",
    "text",
]


@given(
    kind=st.sampled_from(["block_actions", "view_submission", "view_closed", "event_callback", ""]),
    odd=st.dictionaries(st.sampled_from(_KEYS), _ANYTHING, max_size=5),
)
def test_reading_ends_in_a_typed_value_or_malformed(kind: str, odd: dict[str, object]) -> None:
    """No shape of a payload, however strange, raises anything else."""
    with suppress(Malformed):
        asked = read({"type": kind, **a_command("list"), **odd})
        assert isinstance(asked.name, str)


def sent_to(**changes: Any) -> dict[str, Any]:
    event = {"type": "app_home_opened", "user": ANN, "tab": "home"}
    return {"type": "event_callback", "event_id": "Ev1", "event": event, **changes}


@pytest.mark.parametrize(
    "body",
    [
        a_click("x") | {"user": {"id": ANN, "team_id": "T9"}},
        a_click("x") | {"user": {"id": ANN, "team_id": W}, "team": {"id": "T9"}},
        a_click("x") | {"user": {"id": ANN}, "team": {"id": W, "enterprise_id": "E1"}},
        a_form("x") | {"user": {"id": ANN, "team_id": "E1"}, "team": None},
        sent_to(team_id="T9", authorizations=[{"team_id": W, "enterprise_id": "E1"}]),
        sent_to(team_id=None, context_team_id=W, authorizations=None),
        sent_to(team_id=W, authorizations=[{"team_id": None, "is_enterprise_install": True}]),
    ],
)
def test_one_name_among_several_is_enough_to_be_heard(body: dict[str, Any]) -> None:
    """In an organisation of several workspaces Slack names more than one; who is a member is asked later."""
    assert read(body, W).workspace_id == W


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (a_click("x") | {"user": {"id": ANN, "team_id": "T9"}, "team": {"id": "T8"}}, "T9"),
        (a_command("list", team_id="", enterprise_id="E1", is_enterprise_install="true"), "E1"),
        (sent_to(team_id="T9", authorizations=[{"team_id": "T8"}]), "T9"),
        (sent_to(team_id="", authorizations=[{"team_id": "", "enterprise_id": "E1"}]), "E1"),
    ],
)
def test_what_was_sent_to_others_is_others(body: dict[str, Any], found: str) -> None:
    """Nothing that names us: it is not ours, and never without a name."""
    assert read(body, W).workspace_id == found
    assert read(body).workspace_id == found


@pytest.mark.parametrize("authorizations", ["T1", {"team_id": "T1"}, [None], ["T1"], [{"team_id": 1}]])
def test_authorizations_of_no_known_shape_are_malformed(authorizations: Any) -> None:
    """Nothing downstream meets a wrong type."""
    with pytest.raises(Malformed):
        read(sent_to(team_id=W, authorizations=authorizations), W)
