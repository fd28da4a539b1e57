"""Block Kit's pieces, each within Slack's limits, and the one way for foreign text to get into them.

The one rule: whatever a person typed passes ``inert`` (or ``escape``) before it stands in mrkdwn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from bot.domain.channel import Channel
from bot.domain.ids import ChannelId
from bot.views.i18n import Language
from bot.views.text import clip, shown

Block = dict[str, Any]
View = dict[str, Any]
Message = dict[str, Any]

MODAL_TITLE: Final = 24
HOME_BLOCKS: Final = 100
MESSAGE_BLOCKS: Final = 50
MESSAGE_CHARACTERS: Final = 10_000
LONGEST_BLOCK: Final = 2_900
"""Slack takes 3,000 characters in one text."""
_NOTIFICATION: Final = 1_000

_ENTITIES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_LOOKALIKES: Final = str.maketrans({"*": "\u2217", "~": "\u223c", "`": "\u02cb"})
"""Slack has no escape for its formatting characters; their look-alikes format nothing."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9.+-]+@[A-Za-z0-9.-]+\.[A-Za-z]+|[A-Za-z0-9]*")
"""Most addresses and names need nothing done to them."""
_OUTER_UNDERSCORE: Final = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""An underscore inside a word formats nothing and must survive copying: ``first_last@…``."""
_EMOJI_NAME: Final = re.compile(r":(?=[\w+'-]+:)")
_BROKEN_END: Final = re.compile(r"(&[a-z]{0,3}|<[^<>]*)$")
"""Half an entity, mention or date, where a text was cut."""
_SHOUT: Final = re.compile(r"(?<![\w.+-])@(?=(?:channel|here|everyone)\b)")


@lru_cache(maxsize=1024)
def escape(text: str) -> str:
    """``text`` as mrkdwn that shows exactly that: no mention, link, format, emoji name or quote."""
    if _PLAIN.fullmatch(text):
        return text
    flat = " ".join(text.split()).translate(_LOOKALIKES)
    plain = _OUTER_UNDERSCORE.sub("\u02cd", flat)
    silent = _SHOUT.sub("\uff20", _EMOJI_NAME.sub("\ua789", plain))
    return silent.translate(_ENTITIES)


def inert(text: str, limit: int = 80) -> str:
    """Foreign text on one line, shortened, safe in mrkdwn."""
    return escape(shown(text, limit))


def quoted(lines: Iterable[str]) -> list[str]:
    """Lines of plain text as a quotation. An address on a line of its own is made a link: underscores in it
    would else be taken for italics, and whoever copies it needs every character as it is."""
    return [f"> <{_target(it)}>" if _ADDRESS.fullmatch(it) else f"> {escape(it)}" for it in lines]


_ADDRESS: Final = re.compile(r"https?://[^\s<>|]+")


def mention(user_id: str) -> str:
    """A person, by Slack id; anything that is no id is shown as text."""
    return f"<@{user_id}>" if re.fullmatch(r"[UW][A-Z0-9]{1,30}", user_id) else inert(user_id, 30)


@lru_cache(maxsize=4096)
def instant(lang: Language, at: datetime) -> str:
    """An instant in the reader's own time zone; the fallback says UTC."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{escape(lang.day_time(at))}>"


@lru_cache(maxsize=4096)
def moment(lang: Language, at: datetime) -> str:
    """The same to the second, where the order of things matters."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time_secs}}|{escape(lang.day_time(at))}>"


def ago(lang: Language, at: datetime) -> str:
    """How long ago, kept current by the reader's Slack; the fallback is the instant."""
    return f"<!date^{int(at.timestamp())}^{{ago}}|{escape(lang.day_time(at))}>"


def clock(at: datetime) -> str:
    """The time of day alone, in the reader's own time zone; the fallback says UTC."""
    return f"<!date^{int(at.timestamp())}^{{time}}|{at.astimezone(UTC):%H:%M} UTC>"


def link(url: str, label: str) -> str:
    return f"<{_target(url)}|{escape(label).replace('|', '¦')}>"


def _target(url: str) -> str:
    """An address as the target of a link: nothing in it formats anything there."""
    return url.replace("|", "%7C").replace("<", "%3C").replace(">", "%3E").replace("&", "&amp;")


def to_type(command: str, *words: str) -> str:
    """What to type, to be copied: the command and its words, which are the reader's own."""
    return f"`{' '.join([inert(command), *words])}`"


def bold(text: str) -> str:
    """Stands on its own line: Slack only sees bold between blanks, which Japanese does not write."""
    return f"*{text}*"


def mrkdwn(text: str) -> Block:
    # verbatim: Slack must not turn typed text into links or mentions by itself
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": True}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(clip(text, 150))}


def section(text: str, accessory: Block | None = None) -> Block:
    block: Block = {"type": "section", "text": mrkdwn(text)}
    return block if accessory is None else {**block, "accessory": accessory}


def titled(title: str, text: str) -> Block:
    return section(f"{bold(title)}\n{text}")


def fields(*texts: str) -> Block:
    return {"type": "section", "fields": [mrkdwn(text) for text in texts]}


def context(*texts: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text) for text in texts]}


CHART: Final = "data_visualization"
_CHART_TITLE: Final = 50
_CHART_LABEL: Final = 20
CHART_POINTS: Final = 20


def chart(title: str, *, series: str, points: Sequence[tuple[str, float]]) -> Block:
    """Bars of one series, at most twenty, their labels all different. Only messages can show a chart, and not
    every Slack: whatever it says must stand beside it, too."""
    labelled = [(clip(label, _CHART_LABEL), value) for label, value in points]
    return {
        "type": CHART,
        "title": clip(title, _CHART_TITLE),
        "chart": {
            "type": "bar",
            "series": [
                {
                    "name": clip(series, _CHART_LABEL),
                    "data": [{"label": label, "value": value} for label, value in labelled],
                }
            ],
            "axis_config": {"categories": [label for label, _ in labelled]},
        },
    }


def without_charts(shown: Message) -> Message:
    """The same where no chart can be shown."""
    return {**shown, "blocks": [it for it in shown["blocks"] if it["type"] != CHART]}


def has_chart(shown: Message) -> bool:
    return any(it["type"] == CHART for it in shown.get("blocks", ()))


def divider() -> Block:
    return {"type": "divider"}


def actions(*buttons: Block) -> list[Block]:
    """An actions block in a list, or nothing where there is no button."""
    return [{"type": "actions", "elements": list(buttons)}] if buttons else []


def button(
    text: str, action_id: str, *, value: str = "", style: str = "", url: str = "", about: str = ""
) -> Block:
    """``about`` is read out after the label by screen readers: many buttons share one label."""
    block: Block = {"type": "button", "text": plain(clip(text, 75)), "action_id": action_id}
    spoken = clip(f"{text}: {shown(about, 60)}", 75) if about else ""
    extras = {"value": value, "style": style, "url": url, "accessibility_label": spoken}
    return block | {key: extra for key, extra in extras.items() if extra}


def select(placeholder: str, action_id: str, options: Sequence[tuple[str, str]], *, about: str = "") -> Block:
    """Options as label and value (at most 100 of them, values of at most 150 characters): Slack's limits."""
    return {
        "type": "static_select",
        "action_id": action_id,
        "placeholder": plain(clip(f"{placeholder}: {shown(about, 60)}" if about else placeholder, 150)),
        "options": [{"text": plain(clip(label, 75)), "value": value} for label, value in options],
    }


def dialog(title: str, text: str, *, yes: str, no: str) -> Block:
    """Slack asks this itself before it reports a press that cannot be taken back."""
    return {
        "title": plain(clip(title, 100)),
        "text": plain(clip(text, 300)),
        "confirm": plain(clip(yes, 30)),
        "deny": plain(clip(no, 30)),
        "style": "danger",
    }


def fitting(lines: Iterable[str], room: int) -> list[str]:
    """The first lines that fit into ``room`` characters together. No more are made than one too many."""
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return kept


def paragraphs(lines: Sequence[str]) -> list[str]:
    """The lines, joined to as few texts as Slack's limit allows."""
    joined: list[str] = []
    for line in lines:
        if joined and len(joined[-1]) + len(line) < LONGEST_BLOCK:
            joined[-1] = f"{joined[-1]}\n{line}"
        else:
            joined.append(line)
    return joined


def modal(
    title: str, blocks: list[Block], *, close: str, submit: str = "", callback: str = "", metadata: str = ""
) -> View:
    view: View = {
        "type": "modal",
        "title": plain(clip(title, MODAL_TITLE)),
        "blocks": blocks,
        "close": plain(clip(close, MODAL_TITLE)),
    }
    if submit:
        view["submit"] = plain(clip(submit, MODAL_TITLE))
    extras = {"callback_id": callback, "private_metadata": metadata}
    return view | {key: extra for key, extra in extras.items() if extra}


def message(text: str, blocks: list[Block]) -> Message:
    """``text`` is what notifications and screen readers get: mrkdwn like the blocks, but short."""
    whole = text if len(text) <= _NOTIFICATION else _BROKEN_END.sub("", text[:_NOTIFICATION]) + "…"
    return {"text": whole, "blocks": blocks}


def value_of(channel: Channel) -> str:
    """What a button carries: which channel, and the version it was drawn for."""
    return f"{channel.id}:{channel.version}"


def parse_value(value: str) -> tuple[ChannelId, int] | None:
    """The channel and version that ``value_of`` wrote, whatever else follows; ``None`` for anything else."""
    match = re.fullmatch(r"([A-Za-z0-9_-]{1,100}):([0-9]{1,9})(?::[a-z:]{1,40})?", value, re.ASCII)
    return (ChannelId(match[1]), int(match[2])) if match else None


def quiet(said: str) -> Message:
    """One grey line: there is nothing to do."""
    return message(said, [context(said)])


def quiet_list(lang: Language, said: str, lines: Iterable[str], *, number: int, room: int = 8_000) -> Message:
    """A grey summary above grey lines, of which there are ``number``."""
    kept = fitting(lines, room)
    return message(said, [context(said), *grey(kept), *more(lang, number - len(kept))])


def grey(lines: Sequence[str]) -> list[Block]:
    return [context(text) for text in paragraphs(lines)]


def more(lang: Language, hidden: int) -> list[Block]:
    return [context(lang.count("and {n} more", "and {n} more", hidden))] if hidden > 0 else []
