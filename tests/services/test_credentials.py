"""What proves us to Microsoft ends on a day that is known: said in time, to the operator alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.app import credentials_of
from bot.services.core.ports import Credential
from bot.services.upkeep.maintenance import days_before
from tests.providers.contract import NOW
from tests.providers.test_certificate import PEM
from tests.stage import BEGINNING, a_stage
from tests.test_config import settings

ENDS = datetime(2027, 6, 30, tzinfo=NOW.tzinfo)


@pytest.mark.parametrize(
    ("left", "days"),
    [
        ({"days": 31}, None),
        ({"days": 30}, 30),
        ({"days": 8}, 30),
        ({"days": 7}, 7),
        ({"hours": 20}, 1),
        ({}, None),
    ],
)
def test_each_warning_has_its_days(left: dict[str, float], days: int | None) -> None:
    """Thirty, seven and one day before; afterwards the refusal itself is told."""
    assert days_before(ENDS, ENDS - timedelta(**left)) == days


async def test_the_operator_is_told_once_for_each_of_those_days(
    database_url: str, inline_sqlite: None
) -> None:
    """In their language, with the day and what to do; nobody else hears of it."""
    ends = (BEGINNING + timedelta(days=9)).date()
    async with a_stage(database_url, MICROSOFT_SECRET_ENDS=str(ends), OPERATORS="U0KENJI") as stage:
        await stage.settles()

        async def told(name: str) -> int:
            return (await stage.person(name).sees()).dm.plain.count("⏳")

        assert await told("kenji") == 1
        await stage.passes(days=1)
        assert await told("kenji") == 1
        await stage.passes(days=1)
        assert await told("kenji") == 2
        await stage.passes(days=6)
        assert await told("kenji") == 3
        said = (await stage.person("kenji").sees()).dm.plain
        assert "クライアントシークレット" in said and "INBOXKEEPER_MICROSOFT_CLIENT_SECRET" in said
        assert [await told(name) for name in ("sakura", "omar", "alice")] == [0, 0, 0]


def test_a_certificate_knows_its_end_and_a_secret_is_told_it(tmp_path: Path) -> None:
    """Without a day nothing can be said of a secret."""
    assert credentials_of(settings()) == ()
    given = {"MICROSOFT_CLIENT_ID": "6731de76-14a6-49ae-97bc-6eba6914391e"}
    secret = given | {"MICROSOFT_CLIENT_SECRET": "Abc8Q~" + "x" * 34}
    assert credentials_of(settings(**secret)) == ()
    [known] = credentials_of(settings(**secret, MICROSOFT_SECRET_ENDS="2027-06-30"))
    assert known == Credential("secret", ENDS)
    file = tmp_path / "client.pem"
    file.write_bytes(PEM)
    [known] = credentials_of(settings(**given, MICROSOFT_CERTIFICATE_FILE=str(file)))
    assert known == Credential("certificate", NOW + timedelta(days=90))
