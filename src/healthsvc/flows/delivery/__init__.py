"""From the outbox to endpoints: claim, send, record the attempt; and the endpoints themselves.

HTTP is spoken in `webhooks`; what a receiver's answer means is decided in `core.delivery`.
"""
