"""What one person has before them: surfaces with blocks, newest first, the controls on them, and all of it as
text.

Rule: what is on the screen is in the text. A control is found by what can be read on it; its ids come from
the block it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.slack.core import CannotAct
from sandbox.slack.localized import Reader, with_emoji
from sandbox.slack.mrkdwn import TOKEN, Mark, mark_of, unescape
from sandbox.slack.stack import elements_of, held_field, initial_values
from sandbox.slack.state import Json, Message, Person, Values, View, Workspace


def plain_text(reader: Reader, text: Json) -> str:
    """A text object. Bold, italics and code lose their signs."""
    if text["type"] == "plain_text":
        return with_emoji(unescape(text["text"]))
    return plain_mrkdwn(reader, text["text"])


def plain_mrkdwn(reader: Reader, text: str) -> str:
    pieces: list[str] = []
    position = 0
    for token in TOKEN.finditer(text):
        pieces.append(_unstyled(text[position : token.start()]))
        pieces.append(mark_text(reader, mark_of(token.group(1))))
        position = token.end()
    pieces.append(_unstyled(text[position:]))
    return with_emoji(unescape("".join(pieces)))


def _unstyled(text: str) -> str:
    text = re.sub(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"\1", text)
    text = re.sub(r"(?<![\w_])_([^_\n]+)_(?![\w_])", r"\1", text)
    text = re.sub(r"(?<![\w~])~([^~\n]+)~(?![\w~])", r"\1", text)
    return text.replace("`", "")


def mark_text(reader: Reader, mark: Mark) -> str:
    if mark.kind == "user":
        return f"@{reader.name_of(mark.target)}"
    if mark.kind == "conversation":
        return f"#{reader.conversation_name(mark.target)}"
    if mark.kind == "usergroup":
        return f"@{reader.group_name(mark.target)}"
    if mark.kind == "date":
        unix, wanted, *_ = mark.target.split("^")
        return reader.date(int(unix), wanted)
    return mark.label or mark.target.removeprefix("mailto:")


def plain_blocks(reader: Reader, blocks: list[Json], values: Values | None = None) -> str:
    lines = (_plain_block(reader, block, values or {}) for block in blocks)
    return "\n".join(line for line in lines if line)


def _plain_block(reader: Reader, block: Json, values: Values) -> str:
    kind = block["type"]
    if kind == "section":
        parts = [plain_text(reader, block["text"])] if "text" in block else []
        parts += [plain_text(reader, field) for field in block.get("fields", [])]
        if "accessory" in block:
            parts.append(_plain_element(reader, block, block["accessory"], values))
        return "\n".join(parts)
    if kind == "header":
        return plain_text(reader, block["text"])
    if kind == "context":
        return "  ".join(_plain_element(reader, block, element, values) for element in block["elements"])
    if kind == "actions":
        return " ".join(_plain_element(reader, block, element, values) for element in block["elements"])
    if kind == "input":
        return _plain_input(reader, block, values)
    if kind == "image":
        return f"(image: {block['alt_text']})"
    if kind == "data_visualization":
        return _plain_chart(block)
    if kind == "rich_text":
        return "\n".join(_plain_rich(reader, element) for element in block["elements"])
    return ""


def _plain_chart(block: Json) -> str:
    lines = [
        f"{series['name']}: " + ", ".join(f"{it['label']} {it['value']:g}" for it in series["data"])
        for series in block["chart"]["series"]
    ]
    return "\n".join([f"(chart: {block['title']})", *lines])


def _plain_input(reader: Reader, block: Json, values: Values) -> str:
    label = plain_text(reader, block["label"])
    lines = [f"{label}: {_plain_element(reader, block, block['element'], values)}"]
    if "hint" in block:
        lines.append(plain_text(reader, block["hint"]))
    return "\n".join(lines)


def _plain_element(reader: Reader, block: Json, element: Json, values: Values) -> str:
    kind = element["type"]
    if kind in ("plain_text", "mrkdwn"):
        return plain_text(reader, element)
    if kind == "image":
        return f"(image: {element['alt_text']})"
    if kind == "button":
        return f"[{plain_text(reader, element['text'])}]"
    if kind == "overflow":
        return f"[⋯ {' | '.join(plain_text(reader, o['text']) for o in element['options'])}]"
    held = values.get(block["block_id"], {}).get(element["action_id"], {})
    if kind in ("radio_buttons", "checkboxes"):
        return " ".join(_plain_choice(reader, option, held) for option in element["options"])
    return f"[{_plain_held(reader, element, held)}]"


def _plain_choice(reader: Reader, option: Json, held: Json) -> str:
    chosen = [held.get("selected_option"), *held.get("selected_options", [])]
    return f"({'x' if option in chosen else ' '}) {plain_text(reader, option['text'])}"


def _plain_held(reader: Reader, element: Json, held: Json) -> str:
    value = held.get(held_field(element) or "")
    if not value:
        return plain_text(reader, element["placeholder"]) if "placeholder" in element else ""
    if element["type"] == "static_select":
        return plain_text(reader, value["text"])
    if element["type"] == "multi_external_select":
        return ", ".join(plain_text(reader, one["text"]) for one in value)
    if element["type"] == "users_select":
        return reader.name_of(value)
    if element["type"] == "conversations_select":
        return f"#{reader.conversation_name(value)}"
    return str(value)


def _plain_rich(reader: Reader, part: Json) -> str:
    if part["type"] == "rich_text_list":
        ordered = part["style"] == "ordered"
        items = [_plain_rich(reader, item) for item in part["elements"]]
        return "\n".join(f"{f'{n}.' if ordered else '•'} {item}" for n, item in enumerate(items, 1))
    return "".join(plain_inline(reader, element) for element in part["elements"])


def plain_inline(reader: Reader, element: Json) -> str:
    kind = element["type"]
    if kind == "text":
        return str(element["text"])
    if kind == "link":
        return str(element.get("text", element["url"]))
    if kind == "emoji":
        return with_emoji(f":{element['name']}:")
    if kind == "user":
        return f"@{reader.name_of(element['user_id'])}"
    if kind == "channel":
        return f"#{reader.conversation_name(element['channel_id'])}"
    if kind == "usergroup":
        return f"@{reader.group_name(element['usergroup_id'])}"
    return reader.date(element["timestamp"], element["format"])


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
            text = "\n".join(_plain_block(self.reader, surface.blocks[i], surface.values) for i in group)
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
        same = [control for control in alike if value and _told_apart_by(control.element) == value]
        if len(same) == 1:
            return same[0]
        raise CannotAct(404, "this is no longer on the screen")


def _told_apart_by(element: Json) -> str:
    """What tells it from those that do the same elsewhere: a button's value, or a menu's first choice."""
    if element["type"] == "overflow":
        element = element["options"][0]
    return str(element.get("value", ""))


def options_of(element: Json) -> list[Json]:
    if "option_groups" in element:
        return [option for group in element["option_groups"] for option in group["options"]]
    options: list[Json] = element.get("options", [])
    return options
