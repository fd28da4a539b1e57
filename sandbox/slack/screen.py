"""What one person has before them: surfaces with blocks, newest first, and the controls on them.

Rule: a control is found by what can be read on it; its ids come from the block it stands in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.slack.errors import CannotAct
from sandbox.slack.input_state import elements_of, initial_values
from sandbox.slack.localized import Reader
from sandbox.slack.plain import plain_block, plain_blocks, plain_text
from sandbox.slack.state import Json, Message, Person, Values, View, Workspace

TYPED = ("plain_text_input", "email_text_input")


@dataclass(frozen=True)
class Surface:
    place: str  # modal, home, dm, #general
    blocks: list[Json]
    values: Values
    newest: str
    message: Message | None = None
    view: View | None = None

    @property
    def id(self) -> str:
        if self.view is not None:
            return self.view.id
        assert self.message is not None
        return f"{self.message.conversation}:{self.message.ts}"


@dataclass(frozen=True)
class Control:
    """One interactive element, where it stands, and what is written on and around it."""

    surface: Surface
    block: Json
    element: Json
    label: str
    row: str

    @property
    def kind(self) -> str:
        kind: str = self.element["type"]
        return kind


class Screen:
    def __init__(self, workspace: Workspace, person: Person) -> None:
        self._workspace = workspace
        self._person = person
        self.reader = Reader(workspace, person.id)

    # --- surfaces ---

    def modal(self) -> Surface | None:
        stack = self._workspace.modals.get(self._person.id, [])
        return self._of_view(stack[-1], "modal") if stack else None

    def home(self) -> Surface | None:
        view = self._workspace.homes.get(self._person.id)
        return self._of_view(view, "home") if view else None

    def messages(self, place: str | None = None) -> list[Surface]:
        """Newest first; ephemeral ones included."""
        found = []
        for conversation in self._workspace.visible_to(self._person.id):
            if place is not None and place not in (conversation.label, conversation.id):
                continue
            for message in self._workspace.seen_by(self._person.id, conversation.id):
                values = message.values.get(self._person.id) or initial_values(message.blocks)
                found.append(Surface(conversation.label, message.blocks, values, message.ts, message=message))
        return sorted(found, key=lambda surface: surface.newest, reverse=True)

    def surfaces(self, place: str | None) -> list[Surface]:
        """A modal stands before everything else; the rest is newest first."""
        modal, home = self.modal(), self.home()
        if place == "modal":
            return [modal] if modal else []
        if place == "home":
            return [home] if home else []
        if place is not None:
            return self.messages(place)
        behind = sorted(
            [*self.messages(), *([home] if home else [])], key=lambda surface: surface.newest, reverse=True
        )
        return [modal, *behind] if modal else behind

    def _of_view(self, view: View, place: str) -> Surface:
        return Surface(place, view.blocks, view.values, view.changed_ts, view=view)

    def plain(self, surface: Surface) -> str:
        return plain_blocks(self.reader, surface.blocks, surface.values)

    # --- controls ---

    def controls(self, surface: Surface) -> Iterator[Control]:
        rows = self._rows(surface)
        for index, block in enumerate(surface.blocks):
            for element in elements_of(block):
                if element["type"] != "image":
                    yield Control(surface, block, element, self._label(block, element), rows[index])

    def _rows(self, surface: Surface) -> list[str]:
        """Each block's row: a section or header and what follows it, up to the next one."""
        groups: list[list[int]] = []
        for index, block in enumerate(surface.blocks):
            if not groups or block["type"] in ("section", "header", "divider"):
                groups.append([])
            groups[-1].append(index)
        text_of = {}
        for group in groups:
            text = "\n".join(plain_block(self.reader, surface.blocks[i], surface.values) for i in group)
            text_of.update(dict.fromkeys(group, text))
        return [text_of[index] for index in range(len(surface.blocks))]

    def _label(self, block: Json, element: Json) -> str:
        if block["type"] == "input":
            return plain_text(self.reader, block["label"])
        if element["type"] == "button":
            return plain_text(self.reader, element["text"])
        if "placeholder" in element:
            return plain_text(self.reader, element["placeholder"])
        if element["type"] != "overflow" and "text" in block:
            return plain_text(self.reader, block["text"])
        return "⋯" if element["type"] == "overflow" else ""

    def option_labels(self, control: Control) -> list[str]:
        return [plain_text(self.reader, option["text"]) for option in options_of(control.element)]

    # --- finding one ---

    def find(
        self,
        fits: Callable[[Control], bool],
        *,
        called: str | None,
        place: str | None,
        near: str | None,
        kinds: tuple[str, ...],
    ) -> Control:
        """The one fitting control on the newest surface that has any.

        Raises:
            CannotAct: there is none, or more than one on that surface; the labels there are told.
        """
        seen: list[str] = []
        for surface in self.surfaces(place):
            controls = [c for c in self.controls(surface) if c.kind in kinds]
            seen += [c.label for c in controls]
            fitting = [c for c in controls if fits(c)]
            found = self._near(surface, fitting, near)
            if len(found) == 1:
                return found[0]
            if found:
                rows = [control.row for control in found]
                raise CannotAct(404, f"{called!r} is there {len(found)} times: say `near`", rows=rows)
        where = f" in {place}" if place else ""
        beside = f" near {near!r}" if near else ""
        raise CannotAct(404, f"nothing called {called!r}{where}{beside}", labels=list(dict.fromkeys(seen)))

    def _near(self, surface: Surface, controls: list[Control], near: str | None) -> list[Control]:
        if near is None:
            return controls
        in_row = [control for control in controls if near in control.row]
        if in_row:
            return in_row
        text = surface.message.text if surface.message else ""
        return controls if near in f"{text}\n{self.plain(surface)}" else []

    def exactly(self, surface_id: str, block_id: str, action_id: str, value: str = "") -> Control:
        """What the page points at. A redraw gives its block another id: then it is what does the same with
        the same value. Raises CannotAct when a redraw took it away."""
        surfaces = [surface for surface in self.surfaces(None) if surface.id == surface_id]
        alike = [
            control
            for surface in surfaces
            for control in self.controls(surface)
            if control.element["action_id"] == action_id
        ]
        for control in alike:
            if control.block["block_id"] == block_id:
                return control
        same = [control for control in alike if value and told_apart_by(control.element) == value]
        if len(same) == 1:
            return same[0]
        raise CannotAct(404, "this is no longer on the screen")


def told_apart_by(element: Json) -> str:
    """What tells it from those that do the same elsewhere: a button's value, or a menu's first choice."""
    if element["type"] == "overflow":
        element = element["options"][0]
    return str(element.get("value", ""))


def options_of(element: Json) -> list[Json]:
    if "option_groups" in element:
        return [option for group in element["option_groups"] for option in group["options"]]
    options: list[Json] = element.get("options", [])
    return options
