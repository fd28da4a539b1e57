"""Prints ``docs/lifecycle.md`` from the table: ``python -m tools.lifecycle_doc``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bot.domain.channel import State
from bot.domain.hubspot import HubSpotSignal, HubSpotState
from bot.domain.hubspot_lifecycle import HUBSPOT_TRANSITIONS, HubSpotStep
from bot.domain.lifecycle import REFUSE, TRANSITIONS, Signal, Step


def document() -> str:
    """The lifecycle as a diagram and a table, in Markdown."""
    return "\n".join([*_introduction(), *_diagram(), *_table(), "", *_of_hubspot(), ""])


def _introduction() -> Iterator[str]:
    yield "# The lifecycle of a channel"
    yield ""
    yield "Made from `TRANSITIONS` in `bot/domain/lifecycle.py` by `make docs`; a test holds it true."
    yield ""
    yield "**stay**: known and harmless, nothing is written and nobody is told. **refuse**: a request that"
    yield "makes no sense, answered in words. Otherwise: the state that follows, and what must be done."
    yield ""


def _diagram() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    [*] --> impaired: consent given, being checked"
    for state in State:
        arrows: dict[State, list[str]] = {}
        for signal in Signal:
            step = TRANSITIONS[state, signal]
            if isinstance(step, Step) and step.to is not state:
                arrows.setdefault(step.to, []).append(signal.value)
        for to, signals in arrows.items():
            yield f"    {state.value} --> {to.value}: {', '.join(signals)}"
    yield "```"
    yield ""


def _table() -> Iterator[str]:
    yield f"| signal | {' | '.join(state.value for state in State)} |"
    yield f"|---|{'---|' * len(State)}"
    for signal in Signal:
        yield f"| `{signal.value}` | {' | '.join(_cell(state, signal) for state in State)} |"


def _cell(state: State, signal: Signal) -> str:
    step = TRANSITIONS[state, signal]
    if not isinstance(step, Step):
        return "**refuse**" if step is REFUSE else "stay"
    return "<br>".join([f"→ {step.to.value}", *(f"`{effect.value}`" for effect in step.effects)])


def _of_hubspot() -> Iterator[str]:
    yield "## The lifecycle of a HubSpot channel"
    yield ""
    yield "Made from `HUBSPOT_TRANSITIONS` in `bot/domain/hubspot_lifecycle.py`. Two complete looks must"
    yield "agree on a loss before its signal is given; a channel is first what the first look finds it to be."
    yield ""
    yield "```mermaid"
    yield "stateDiagram-v2"
    for state in HubSpotState:
        arrows: dict[HubSpotState, list[str]] = {}
        for signal in HubSpotSignal:
            step = HUBSPOT_TRANSITIONS[state, signal]
            if isinstance(step, HubSpotStep):
                arrows.setdefault(step.to, []).append(signal.value)
        for to, signals in arrows.items():
            yield f"    {state.value} --> {to.value}: {', '.join(signals)}"
    yield "```"
    yield ""
    yield f"| signal | {' | '.join(state.value for state in HubSpotState)} |"
    yield f"|---|{'---|' * len(HubSpotState)}"
    for signal in HubSpotSignal:
        yield f"| `{signal.value}` | {' | '.join(_hubspot_cell(state, signal) for state in HubSpotState)} |"


def _hubspot_cell(state: HubSpotState, signal: HubSpotSignal) -> str:
    step = HUBSPOT_TRANSITIONS[state, signal]
    if not isinstance(step, HubSpotStep):
        return "stay"
    return "<br>".join([f"→ {step.to.value}", *(f"`{effect.value}`" for effect in step.effects)])


def main() -> None:
    sys.stdout.write(document())


if __name__ == "__main__":
    main()
