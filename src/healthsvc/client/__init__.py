"""A typed client of the REST API, blocking (`Client`) and for asyncio (`AsyncClient`): retries,
lists in pages, the change feed, and the verification of webhooks.

It knows the shapes of `wire.rest` and nothing of how the service works. An operation is declared
once, in `operations`; both clients offer it.
"""

from healthsvc.client.asynchronous import AsyncClient
from healthsvc.client.blocking import Client
from healthsvc.client.errors import (
    ApiError,
    BusyAnswer,
    ConflictAnswer,
    CursorExpiredAnswer,
    FaultAnswer,
    ForbiddenAnswer,
    InvalidAnswer,
    NotFoundAnswer,
    ServiceUnreachable,
    SignatureInvalid,
)
from healthsvc.client.retrying import RetryPolicy
from healthsvc.client.verification import WebhookMessage, verify_webhook

__all__ = [
    "ApiError",
    "AsyncClient",
    "BusyAnswer",
    "Client",
    "ConflictAnswer",
    "CursorExpiredAnswer",
    "FaultAnswer",
    "ForbiddenAnswer",
    "InvalidAnswer",
    "NotFoundAnswer",
    "RetryPolicy",
    "ServiceUnreachable",
    "SignatureInvalid",
    "WebhookMessage",
    "verify_webhook",
]
