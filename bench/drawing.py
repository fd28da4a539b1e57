"""What a Home costs, and a list that is drawn anew, beside Bolt's ack: CPU of the real bot, from the event to
the view that Slack is given, or from the command to its answer.

One rule: CPU, not time. Slack is answered before Home is drawn, so that no click waits for it; but all that
others do on the event loop meanwhile does.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Mapping
from statistics import median
from typing import Any, Final

import aiohttp

from bench.children import Serving, cpu_of
from bench.databases import OWNER
from bench.figures import Options, Row, judged
from bench.hammer import event, form_of, hammer, signed
from storage import Storage

AT_REST: Final = "nothing changed"
CHANGED: Final = "changed"
_MOST: Final = {AT_REST: 5.0, CHANGED: 12.0}
"""Times the floor."""
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_VISITS: Final = 200
_ACKS_FOR: Final = 1.5
"""Seconds: the kernel counts CPU in hundredths."""
_SETTLES: Final = 0.2
"""Seconds: what is shown already is not published, so nobody says when the last was found to be."""
_WITHIN: Final = 10.0


class Drawing:
    """The owner's Home, as one bot draws it and ``bench.outside`` is given it, and the list they ask for."""

    def __init__(
        self, session: aiohttp.ClientSession, pid: int, *, outside: int, port: int, storage: Storage
    ) -> None:
        self._session = session
        self._pid = pid
        self._published = f"http://127.0.0.1:{outside}/home"
        self._events = f"http://127.0.0.1:{port}/slack/events"
        self._asks = form_of(port, "list")
        self._storage = storage

    async def cost_of_list(self) -> float:
        """Seconds of CPU for each of some lists, before each of which another process commits something."""
        before = cpu_of(self._pid)
        for _ in range(_VISITS):
            await self._commit()
            async with self._session.post(
                self._events, data=self._asks, headers=_FORM | signed(self._asks)
            ) as answer:
                answer.raise_for_status()
                await answer.read()
        return (cpu_of(self._pid) - before) / _VISITS

    async def cost_of_home(self, *, is_changed: bool) -> float:
        """Seconds of CPU for each of some visits, one after the other. ``is_changed``: before each, another
        process commits something, though nothing that is shown."""
        await self._open_changed()
        before = cpu_of(self._pid)
        for _ in range(_VISITS):
            await (self._open_changed() if is_changed else self._open())
        await asyncio.sleep(_SETTLES)
        return (cpu_of(self._pid) - before) / _VISITS

    async def _open_changed(self) -> None:
        await self._commit()
        number = await self._open()
        async with asyncio.timeout(_WITHIN):
            await self._shown(more_than=number)

    async def _open(self) -> int:
        """As Slack says it, with what stands there. Returns how many were published before."""
        shown = await self._shown(more_than=-1)
        seen = {"view": shown["view"]} if shown["view"] else {}
        body, headers = event({"type": "app_home_opened", "user": OWNER, "tab": "home", **seen})
        async with self._session.post(self._events, data=body, headers=headers) as answer:
            answer.raise_for_status()
        return int(shown["number"])

    async def _shown(self, *, more_than: int) -> dict[str, Any]:
        async with self._session.get(self._published, params={"more_than": more_than}) as answer:
            shown: dict[str, Any] = await answer.json()
        return shown

    async def _commit(self) -> None:
        async with self._storage.writing() as uow:
            await uow.meta.put("changed by the bench", secrets.token_hex())
            await uow.commit()


async def drawing_rows(
    options: Options, drawings: Mapping[str, Drawing], floor: Serving, *, channels: int
) -> list[Row]:
    """``drawings``: by kind of database."""
    acks: list[float] = []
    costs: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for _ in range(options.runs):
        acks.append(await _ack(floor))
        for kind, drawing in drawings.items():
            for case in _MOST:
                cost = await drawing.cost_of_home(is_changed=case == CHANGED)
                costs["Home", kind, case].append(cost)
            costs["/inbox list", kind, CHANGED].append(await drawing.cost_of_list())
    return [
        _row(f"{what}, {channels} channels, {kind}, {case}", median(some), median(acks), _MOST[case])
        for (what, kind, case), some in costs.items()
    ]


def _row(what: str, seconds: float, floor: float, most: float) -> Row:
    ratio = seconds / floor
    return Row(
        what,
        f"{seconds * 1000:.2f} ms of CPU",
        f"≤ {most:.0f} ×",
        judged(ratio <= most),
        floor=f"{floor * 1000:.2f} ms of CPU",
        ratio=f"{ratio:.2f} ×",
    )


async def _ack(floor: Serving) -> float:
    before = cpu_of(floor.pid)
    took = await hammer(floor.port, "help", at_once=1, seconds=_ACKS_FOR)
    return (cpu_of(floor.pid) - before) / took.count
