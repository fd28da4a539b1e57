"""A person acts: types a command, clicks, chooses, fills, submits, closes, opens Home or the DM.

Rule: a person can only do what their screen offers, and sees what Slack shows when the bot fails.
"""

from __future__ import annotations

from sandbox.slack import answers, payloads, stack
from sandbox.slack.core import Core
from sandbox.slack.delivery import Delivery, Outcome
from sandbox.slack.errors import CannotAct, SlackError
from sandbox.slack.events import Events
from sandbox.slack.forms import complaints
from sandbox.slack.seed import BOT_NAME, BOT_USER, SLACKBOT
from sandbox.slack.state import Conversation, Json, Message, Person, View
from sandbox.slack.words import words_for


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
