"""Reads an event with the package of CloudEvents. If it was delivered to a webhook, the package of Standard Webhooks
verifies the delivery.

Reads {"body"} or {"body", "headers", "secret"} as JSON, and prints what it has read.
"""

import json
import sys

from cloudevents.core.formats.json import JSONFormat
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

delivery = json.load(sys.stdin)
verified = None
if "secret" in delivery:
    try:
        Webhook(delivery["secret"]).verify(delivery["body"], delivery["headers"])
        verified = True
    except WebhookVerificationError:
        verified = False
event = JSONFormat().read(None, delivery["body"])
json.dump(
    {
        "verified": verified,
        "id": event.get_id(),
        "type": event.get_type(),
        "source": event.get_source(),
        "subject": event.get_subject(),
        "sequence": event.get_extension("sequence"),
        "time": event.get_time().isoformat(),
        "data": event.get_data(),
    },
    sys.stdout,
)
