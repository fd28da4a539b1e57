"""A person acts: types a command, presses a button, chooses an option, fills in and submits, closes, opens
Home or the DM.

Rule: a person can only do what their screen offers, and sees what Slack shows when the bot fails. The payload
is made from the block on the screen; a confirm dialog is answered before anything is sent. What Slack's own
client refuses before it sends a form is said in the client's words, not the bot's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.slack import answers, payloads, stack
from sandbox.slack.core import CannotAct, Core, SlackError
from sandbox.slack.delivery import Delivery, Events, Outcome
from sandbox.slack.localized import words_for
from sandbox.slack.screen import TYPED, Control, Screen, options_of, plain_text
from sandbox.slack.stack import held_field, initial_values
from sandbox.slack.state import (
    BOT_NAME,
    BOT_USER,
    SLACKBOT,
    Conversation,
    Json,
    Message,
    Person,
    Values,
    View,
)
from sandbox.slack.validate import validate_suggestions

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def complaints(view: View, words: Mapping[str, str]) -> dict[str, str]:
    """By block_id, as the client shows them under the inputs."""
    found = {}
    for block in view.blocks:
        if block["type"] == "input":
            complaint = _complaint(block, view, words)
            if complaint is not None:
                found[block["block_id"]] = complaint
    return found


def _complaint(block: Json, view: View, words: Mapping[str, str]) -> str | None:
    element = block["element"]
    held = view.values[block["block_id"]][element["action_id"]]
    value = held.get(held_field(element) or "")
    if not value:
        return None if block["optional"] else words["required"]
    if element["type"] == "email_text_input" and not _EMAIL.fullmatch(value):
        return words["not_an_email"]
    if element["type"] == "plain_text_input":
        if len(value) < element.get("min_length", 0):
            return words["too_short"].format(count=element["min_length"])
        if len(value) > element.get("max_length", 3000):
            return words["too_long"].format(count=element.get("max_length", 3000))
    return None


class Acting:
    def __init__(self, core: Core, delivery: Delivery, events: Events) -> None:
        self._core = core
        self._delivery = delivery
        self._events = events

    # --- the composer ---

    async def types(self, person: Person, text: str, conversation: Conversation) -> Json:
        """A slash command, Slack's own `/invite`, or plain talk, which the bot does not hear."""
        if conversation.is_dm and self._core.settings.messages_read_only:
            raise CannotAct(409, words_for(person)["sending_is_off"])
        command, _, rest = text.strip().partition(" ")
        if not command.startswith("/"):
            self._say(conversation, person.id, text)
            return {"ok": True, "ack_ms": 0.0}
        if command == "/invite":
            return self._invite(person, conversation)
        if command != self._core.settings.command or not self._core.settings.installed:
            told = words_for(person)["no_such_command"].format(command=command)
            return self._slackbot(person, conversation, told)
        payload = payloads.slash(self._core, person, conversation, command=command, text=rest.strip())
        outcome = await self._delivery.send("slash_commands", payload)
        if outcome.failure is not None:
            told = words_for(person)["command_failed"].format(command=command, error=outcome.failure)
            return self._slackbot(person, conversation, told, ms=outcome.ms)
        return self._answered(person, conversation, command, outcome)

    def _answered(self, person: Person, conversation: Conversation, command: str, outcome: Outcome) -> Json:
        if outcome.body:
            try:
                answers.say(self._core, outcome.body, user=person.id, conversation=conversation.id)
            except SlackError as error:
                problems = error.beside.get("response_metadata", {}).get("messages", [])
                self._core.calls.add("ack:slash_commands", error=error.code, problems=problems)
                told = words_for(person)["command_failed"].format(command=command, error=error.code)
                return self._slackbot(person, conversation, told, ms=outcome.ms)
        return {"ok": True, "ack_ms": outcome.ms}

    def _invite(self, person: Person, conversation: Conversation) -> Json:
        if conversation.is_dm:
            return self._slackbot(person, conversation, words_for(person)["no_inviting"])
        conversation.members.add(BOT_USER)
        told = words_for(person)["was_added"].format(name=BOT_NAME, conversation=conversation.name)
        self._say(conversation, SLACKBOT, told)
        return {"ok": True, "ack_ms": 0.0}

    def _slackbot(self, person: Person, conversation: Conversation, told: str, *, ms: float = 0.0) -> Json:
        self._say(conversation, SLACKBOT, told, only_to=person.id)
        return {"ok": False, "ack_ms": ms, "error_shown": told}

    def _say(self, conversation: Conversation, author: str, text: str, *, only_to: str | None = None) -> None:
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        self._core.workspace.post(
            Message(
                ts=self._core.workspace.next_ts(),
                conversation=conversation.id,
                author=author,
                text=escaped,
                blocks=[],
                ephemeral_to=only_to,
            )
        )

    # --- modals ---

    async def submits(self, person: Person) -> Json:
        view = self._top(person)
        if "submit" not in view.body:
            raise CannotAct(404, "this modal has nothing to submit")
        if view.busy:
            raise CannotAct(409, "this modal is still being sent")
        view.errors = complaints(view, words_for(person))
        view.banner = None
        self._core.workspace.touch()
        if view.errors:
            return {"ok": False, "ack_ms": 0.0, "error_shown": "; ".join(view.errors.values())}
        view.busy = True
        try:
            outcome = await self._delivery.send("interactive", payloads.submission(self._core, person, view))
        finally:
            view.busy = False
        return self._submitted(person, view, outcome)

    def _submitted(self, person: Person, view: View, outcome: Outcome) -> Json:
        if outcome.failure is not None:
            view.banner = words_for(person)["trouble"]
            self._core.workspace.touch()
            return {"ok": False, "ack_ms": outcome.ms, "error_shown": view.banner}
        told = answers.apply_submission(self._core, view, outcome.body)
        shown = {"ok": told is None, "ack_ms": outcome.ms}
        return shown if told is None else {**shown, "error_shown": told}

    async def closes(self, person: Person, *, whole: bool = False) -> Json:
        """Cancel closes one view (or all, if it says `clear_on_close`); the ✕ closes the whole stack."""
        view = self._top(person)
        clears = whole or bool(view.body.get("clear_on_close"))
        payload = payloads.closed(self._core, person, view, is_cleared=clears)
        if clears:
            stack.clear_modals(self._core.workspace, person.id)
        else:
            stack.pop_modal(self._core.workspace, view)
        if not view.body.get("notify_on_close"):
            return {"ok": True, "ack_ms": 0.0}
        return shown(person, await self._delivery.send("interactive", payload))

    def _top(self, person: Person) -> View:
        views = self._core.workspace.modals.get(person.id)
        if not views:
            raise CannotAct(404, "no modal is open")
        return views[-1]

    # --- the app's own places ---

    async def opens_home(self, person: Person) -> Json:
        return shown(person, await self._events.tell(payloads.home_opened(self._core, person, tab="home")))

    async def opens_dm(self, person: Person) -> Json:
        self._core.workspace.mark_read(person.id, self._core.workspace.dm_of(person.id).id)
        self._core.workspace.touch()
        return shown(
            person, await self._events.tell(payloads.home_opened(self._core, person, tab="messages"))
        )


def shown(person: Person, outcome: Outcome) -> Json:
    if outcome.failure is None:
        return {"ok": True, "ack_ms": outcome.ms}
    told = words_for(person)["no_answer"].format(name=BOT_NAME, error=outcome.failure)
    return {"ok": False, "ack_ms": outcome.ms, "error_shown": told}


_SEARCHED = "multi_external_select"
CHOSEN = (
    _SEARCHED,
    "static_select",
    "users_select",
    "conversations_select",
    "radio_buttons",
    "checkboxes",
    "overflow",
)


@dataclass(frozen=True)
class Wish:
    """Where to look for a control, and how its confirm dialog is answered. `target` is exact: surface,
    block id, action id and value."""

    label: str | None = None
    place: str | None = None
    near: str | None = None
    confirm: bool | None = None
    target: tuple[str, ...] | None = None


class Pressing:
    def __init__(self, core: Core, delivery: Delivery, acting: Acting) -> None:
        self._core = core
        self._delivery = delivery
        self._acting = acting

    async def clicks(self, person: Person, wish: Wish) -> Json:
        """A button by its text; in a modal also its submit and close buttons."""
        if wish.target is None and (own := self._modal_button(person, wish)) is not None:
            return await (self._acting.submits(person) if own == "submit" else self._acting.closes(person))
        control = self._find(person, wish, kinds=("button",))
        if not self._confirmed(person, control, wish.confirm):
            return {"ok": True, "ack_ms": 0.0, "denied": True}
        return await self._send(person, control, {}, url=control.element.get("url"))

    def _modal_button(self, person: Person, wish: Wish) -> str | None:
        modal = Screen(self._core.workspace, person).modal()
        if wish.place not in (None, "modal") or wish.near is not None or modal is None or modal.view is None:
            return None
        for key in ("submit", "close"):
            text = modal.view.body.get(key)
            if text and text["text"] == wish.label:
                return key
        return None

    async def chooses(self, person: Person, wish: Wish, *, option: str, on: bool = True) -> Json:
        screen = Screen(self._core.workspace, person)

        def fits(control: Control) -> bool:
            if wish.label is not None:
                return control.label == wish.label
            return option in screen.option_labels(control)

        control = self._find(person, wish, kinds=CHOSEN, fits=fits)
        if control.kind == _SEARCHED:
            held = await self._searched(person, control, option, on=on)
        else:
            held = self._choice(person, control, option, on=on)
        if not self._confirmed(person, control, wish.confirm):
            return {"ok": True, "ack_ms": 0.0, "denied": True}
        url = held.get("selected_option", {}).get("url")
        if control.kind != "overflow":
            self._hold(person, control, held)
        if control.block["type"] == "input" and not control.block["dispatch_action"]:
            return {"ok": True, "ack_ms": 0.0}
        return await self._send(person, control, held, url=url)

    async def fills(self, person: Person, wish: Wish, *, value: str) -> Json:
        control = self._find(person, wish, kinds=TYPED)
        self._hold(person, control, {"value": value or None})
        if not control.block["dispatch_action"]:
            return {"ok": True, "ack_ms": 0.0}
        return await self._send(person, control, {"value": value})

    async def searches(self, person: Person, wish: Wish, *, text: str) -> Json:
        """What an external select offers to whoever has typed ``text``."""
        control = self._find(person, wish, kinds=(_SEARCHED,))
        offered = await self._offered(person, control, text)
        reader = Screen(self._core.workspace, person).reader
        return {"ok": True, "options": [plain_text(reader, one["text"]) for one in offered]}

    async def _offered(self, person: Person, control: Control, text: str) -> list[Json]:
        """Asks the bot. Raises CannotAct for what Slack would not show."""
        element, view = control.element, control.surface.view
        if view is None:
            raise CannotAct(409, "external selects are supported in modals and on Home only")
        least = element.get("min_query_length", 3)
        if len(text) < least:
            raise CannotAct(409, f"nothing is asked before {least} characters are typed")
        asked = {"action_id": element["action_id"], "block_id": control.block["block_id"], "value": text}
        outcome = await self._delivery.send(
            "interactive", payloads.suggestion(self._core, person, view, asked)
        )
        if outcome.failure is not None:
            raise CannotAct(502, f"the options did not come ({outcome.failure})")
        if problems := validate_suggestions(outcome.body):
            raise CannotAct(502, "the options are no options: " + "; ".join(problems))
        return options_of(outcome.body)

    async def _searched(self, person: Person, control: Control, option: str, *, on: bool) -> Json:
        """One more, found by its whole label, or one fewer."""
        reader = Screen(self._core.workspace, person).reader
        held = self._values(person, control)[control.block["block_id"]][control.element["action_id"]]
        chosen: list[Json] = list(held["selected_options"])
        among = await self._offered(person, control, option) if on else chosen
        picked = next((one for one in among if plain_text(reader, one["text"]) == option), None)
        if picked is None:
            labels = [plain_text(reader, one["text"]) for one in among]
            raise CannotAct(404, f"no option {option!r}", labels=labels)
        rest = [one for one in chosen if one != picked]
        most = control.element.get("max_selected_items")
        if on and most is not None and len(rest) >= most:
            raise CannotAct(409, f"no more than {most} can be chosen")
        return {"selected_options": [*rest, picked] if on else rest}

    # --- finding, holding, sending ---

    def _find(self, person: Person, wish: Wish, *, kinds: tuple[str, ...], fits: Any = None) -> Control:
        screen = Screen(self._core.workspace, person)
        if wish.target is not None:
            return screen.exactly(*wish.target)
        return screen.find(
            fits or (lambda control: control.label == wish.label),
            called=wish.label,
            place=wish.place,
            near=wish.near,
            kinds=kinds,
        )

    def _confirmed(self, person: Person, control: Control, answer: bool | None) -> bool:
        dialog = control.element.get("confirm")
        if dialog is None:
            return True
        if answer is None:
            reader = Screen(self._core.workspace, person).reader
            words = {key: plain_text(reader, dialog[key]) for key in ("title", "text", "confirm", "deny")}
            raise CannotAct(409, "a dialog asks first", confirm=words)
        return answer

    def _choice(self, person: Person, control: Control, option: str, *, on: bool) -> Json:
        """What choosing changes. Raises CannotAct with the options there are."""
        workspace = self._core.workspace
        if control.kind == "users_select":
            chosen = workspace.person(option)
            if chosen is None or chosen.deleted:
                raise CannotAct(404, f"nobody called {option!r}")
            return {"selected_user": chosen.id}
        if control.kind == "conversations_select":
            conversation = workspace.conversation(option, of=person.id)
            if conversation is None:
                raise CannotAct(404, f"no conversation {option!r}")
            return {"selected_conversation": conversation.id}
        labels = Screen(workspace, person).option_labels(control)
        if option not in labels:
            raise CannotAct(404, f"no option {option!r}", labels=labels)
        picked = options_of(control.element)[labels.index(option)]
        if control.kind != "checkboxes":
            return {"selected_option": picked}
        return {"selected_options": self._ticked(person, control, picked, on=on)}

    def _ticked(self, person: Person, control: Control, picked: Json, *, on: bool) -> list[Json]:
        held = self._values(person, control)[control.block["block_id"]][control.element["action_id"]]
        ticked = [one for one in held["selected_options"] if one != picked] + ([picked] if on else [])
        return [one for one in options_of(control.element) if one in ticked]

    def _values(self, person: Person, control: Control) -> Values:
        surface = control.surface
        if surface.view is not None:
            return surface.view.values
        assert surface.message is not None
        return surface.message.values.setdefault(person.id, initial_values(surface.blocks))

    def _hold(self, person: Person, control: Control, held: Json) -> None:
        values = self._values(person, control)
        values[control.block["block_id"]][control.element["action_id"]] = {"type": control.kind, **held}

    async def _send(self, person: Person, control: Control, held: Json, *, url: str | None = None) -> Json:
        self._values(person, control)
        if control.surface.message is not None and control.surface.message.author != BOT_USER:
            raise CannotAct(409, "this is not the bot's message")
        action = payloads.action_of(self._core, control.block, control.element, held)
        if control.surface.message is not None:
            payload = payloads.message_action(self._core, person, control.surface.message, action)
        else:
            assert control.surface.view is not None
            payload = payloads.view_action(self._core, person, control.surface.view, action)
        outcome = await self._delivery.send("interactive", payload)
        if outcome.body:
            self._core.calls.add("ack:block_actions", error="ignored_body")
        answer = shown(person, outcome)
        return answer if url is None else {**answer, "url": url}
