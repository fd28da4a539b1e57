"""How time passes."""

from __future__ import annotations

from typing import Final

from sandbox.fault_catalog.lever import Group, Lever

CLOCK: Final = Group(
    "clock",
    "The clock",
    tuple(
        Lever(
            f"forward_{seconds}",
            label,
            happens,
            "Whatever is due by then is done now.",
            "/control/clock",
            {"advance_seconds": seconds},
        )
        for seconds, label, happens in (
            (60, "1 minute on", "A minute passes."),
            (900, "15 minutes on", "A quarter of an hour passes: links from Slack to the browser expire."),
            (3600, "1 hour on", "An hour passes: trouble that nobody could act on is not kept quiet longer."),
            (
                86400,
                "1 day on",
                "A day passes: /inbox report has one more square, keys of retired permissions are erased.",
            ),
        )
    ),
)
