"""Blocks as the plain text a person reads. Rule: what is on the screen is in the text."""

from __future__ import annotations

import re

from sandbox.slack.input_state import held_field
from sandbox.slack.localized import Reader, with_emoji
from sandbox.slack.mrkdwn import TOKEN, Mark, mark_of, unescape
from sandbox.slack.state import Json, Values


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
    lines = (plain_block(reader, block, values or {}) for block in blocks)
    return "\n".join(line for line in lines if line)


def plain_block(reader: Reader, block: Json, values: Values) -> str:
    kind = block["type"]
    if kind == "section":
        parts = [plain_text(reader, block["text"])] if "text" in block else []
        parts += [plain_text(reader, field) for field in block.get("fields", [])]
        if "accessory" in block:
            parts.append(plain_element(reader, block, block["accessory"], values))
        return "\n".join(parts)
    if kind == "header":
        return plain_text(reader, block["text"])
    if kind == "context":
        return "  ".join(plain_element(reader, block, element, values) for element in block["elements"])
    if kind == "actions":
        return " ".join(plain_element(reader, block, element, values) for element in block["elements"])
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
    lines = [f"{label}: {plain_element(reader, block, block['element'], values)}"]
    if "hint" in block:
        lines.append(plain_text(reader, block["hint"]))
    return "\n".join(lines)


def plain_element(reader: Reader, block: Json, element: Json, values: Values) -> str:
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
