"""How the tests of the whole product ask something in Slack and read the answer."""

from __future__ import annotations

import asyncio

from tests.driver import CannotDo, Screen, Shown
from tests.stage import Stage

ACK_MS = 3_000
"""After this long Slack shows an error of its own."""


def in_time(shown: Shown) -> None:
    """Slack had its ack and shows no failure."""
    assert shown.error_shown is None, shown
    assert shown.ack_ms < ACK_MS, shown


async def asks(stage: Stage, name: str, text: str) -> str:
    """Type a command in #general; returns the answer that stands there then."""
    person = stage.person(name)
    before = len((await person.sees()).messages("#general"))
    in_time(await person.types(text))
    said = (await person.sees()).messages("#general")
    assert len(said) > before, "no answer"
    return said[-1].plain


async def asks_for_modal(stage: Stage, name: str, text: str) -> Screen:
    """Type a command that opens a modal."""
    in_time(await stage.person(name).types(text))
    screen = await stage.person(name).sees()
    assert screen.modal is not None, screen.plain
    return screen


async def submits(stage: Stage, name: str) -> Screen:
    in_time(await stage.person(name).submits())
    return await stage.person(name).sees()


async def both_submit(stage: Stage, *names: str) -> None:
    """Press the modal's button at the same moment; the same person may do it twice."""
    done = await asyncio.gather(*(stage.person(name).submits() for name in names), return_exceptions=True)
    for one in done:
        if isinstance(one, CannotDo):
            assert one.status == 409  # the modal has turned to its outcome meanwhile
        elif isinstance(one, BaseException):
            raise one
        else:
            in_time(one)


def modal_text(screen: Screen) -> str:
    assert screen.modal is not None, screen.plain
    return f"{screen.modal.title}\n{screen.modal.plain}"
