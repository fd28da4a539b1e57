"""Whatever Slack, or somebody in its place, says on a Socket Mode connection."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.fuzz.harness import Budget, Lab, a_lab, fuzz
from tests.fuzz.inputs import ODD_JSON, damaged, gone_wrong, texts, values, writable
from tests.fuzz.test_requests import Product, a_product, guarded, payloads


@pytest.fixture(scope="module")
def socket(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Product]]:
    """A bot that Slack reaches over Socket Mode."""
    file = tmp_path_factory.mktemp("fuzz") / "inboxkeeper.db"
    shutil.copy(migrated_sqlite, file)
    with a_lab(lambda: a_product(f"sqlite:///{file}", "socket")) as lab:
        yield guarded(lab)


def frames(product: Product) -> st.SearchStrategy[str | bytes]:
    """Envelopes, valid or not, Slack's own words, and anything else."""
    envelope = payloads(product).map(
        lambda sent: {
            "envelope_id": secrets.token_hex(8),
            "type": sent[0],
            "payload": sent[1],
            "accepts_response_payload": True,
        }
    )
    words = st.sampled_from(["refresh_requested", "warning", "too_many_websockets", "link_disabled"]) | texts
    dismissal = st.fixed_dictionaries({"type": st.just("disconnect"), "reason": words | values})
    message = gone_wrong(envelope) | gone_wrong(dismissal) | gone_wrong(st.just({"type": "hello"})) | values
    return st.one_of(
        message.map(json.dumps),
        envelope.map(json.dumps),
        damaged(envelope.map(lambda one: json.dumps(one).encode())).map(
            lambda one: one.decode("utf-8", "replace")
        ),
        writable,
        st.sampled_from(ODD_JSON),
        st.binary(max_size=40),
    )


def test_what_comes_in_frames(socket: tuple[Lab, Product], budget: Budget) -> None:
    """After each of them a command is still answered, over this connection or the next."""
    lab, product = socket
    lab.watch.expected.append("Slack refuses Socket Mode")  # link_disabled, said once
    slack = product.stage.town.slack

    async def take(frame: Any) -> None:
        if isinstance(frame, bytes):
            await product.stage.driver.frame(hexed=frame.hex() or "00")
        else:
            await product.stage.driver.frame(frame)
        await slack.until_connected()
        assert (await product.stage.person("alice").types("/inbox help")).ok

    fuzz(lab, frames(product), take, budget)
