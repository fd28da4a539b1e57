#!/usr/bin/env bash
# Expected:  Webhook.sign(id, timestamp, data) takes a datetime, so that an aware one is the instant that it names,
#            whatever its time zone: 18:00 in Tokyo and 09:00 UTC sign the same.
# Really:    the Python library writes UTC over the zone that is there (timestamp.replace(tzinfo=utc)): from Tokyo it
#            signs an instant nine hours ahead. Beside a webhook-timestamp header that tells the right one, every
#            receiver answers "No matching signature found", the library itself among them; with the wrong one there,
#            "too new". On a machine whose clock is set to UTC all is well, tests included.
# Version:   standardwebhooks 1.1.0 (PyPI)
# Source:    run; standardwebhooks/webhooks.py:Webhook.sign
# Date:      2026-11-28
# Needs:     python3
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install standardwebhooks==1.1.0 tzdata 2> /dev/null
python/bin/python - << 'PYTHON' | tee said
from datetime import UTC, datetime
from zoneinfo import ZoneInfo
from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
now = datetime.now(UTC)
for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
    instant = now.astimezone(ZoneInfo(zone))
    assert instant == now and instant.timestamp() == now.timestamp()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(instant.timestamp())),
        "webhook-signature": webhook.sign("msg_1", instant, "{}"),
    }
    try:
        webhook.verify("{}", headers)
        print(f"{zone}: verified")
    except WebhookVerificationError as error:
        print(f"{zone}: {error}")
PYTHON
diff - said << 'SAID'
UTC: verified
Asia/Tokyo: No matching signature found
America/New_York: No matching signature found
SAID
