"""The signature of a delivery, in the form of the Standard Webhooks: HMAC-SHA256 over id, time and body."""

import base64
import hashlib
import hmac

from runs.models.webhook import SECRET_PREFIX


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The header Webhook-Signature. `timestamp`: epoch seconds, as in the header Webhook-Timestamp."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
