"""How simulations read what stands in Slack: the words of a message, and what it asks its reader to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sandbox.slack.state import Message

_RECONNECT = ("/inbox reconnect", "/inbox 再接続", "Reconnect which one?", "どれを再接続しますか？")


def words(said: Message) -> str:
    """All that can be read, and more."""
    return f"{said.text}\n{json.dumps(said.blocks, ensure_ascii=False)}"


def asks_to_reconnect(said: Message) -> bool:
    """Whether it tells its reader to sign in again, in words or by a button that stands out. A plain link in
    a message that says that it may be the provider's outage does not (docs/decisions/0007)."""
    return any(command in words(said) for command in _RECONNECT) or any(
        label in {"Reconnect", "再接続"} and (button.get("style") == "primary" or "url" not in button)
        for label, button in buttons(said)
    )


def buttons(said: Message) -> Iterator[tuple[str, dict[str, Any]]]:
    """Labels and buttons."""
    for block in said.blocks:
        for element in (*block.get("elements", []), block.get("accessory") or {}):
            if element.get("type") == "button":
                yield element["text"]["text"], element
