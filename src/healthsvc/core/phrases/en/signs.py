"""What single signs say of a customer: English clauses without a full stop."""

from collections.abc import Mapping
from typing import Final

SIGNS: Final[Mapping[str, str]] = {
    "sign.falling_use": "usage has fallen to {share} of its usual level",
    "sign.rising_use": "usage has risen to {share} of its usual level",
    "sign.complaint_open.one": "{n} open complaint",
    "sign.complaint_open.other": "{n} open complaints",
    "sign.low_nps": "gave {value} out of 10 in the NPS survey",
    "sign.promoter": "gave {value} out of 10 in the NPS survey",
    "sign.low_csat": "rated their satisfaction {value} out of 5",
    "sign.cancel_page": "visited the cancellation page",
    "sign.contraction": "pays {money} less a month",
    "sign.growth": "pays {money} more a month",
    "sign.seats_idle": "only {share} of the seats are in use",
    "sign.seats_nearly_full": "{share} of the seats are in use",
    "sign.ticket_waiting.one": "{n} ticket waiting for a first reply",
    "sign.ticket_waiting.other": "{n} tickets waiting for a first reply",
    "sign.ticket_open.one": "{n} open ticket",
    "sign.ticket_open.other": "{n} open tickets",
    "sign.renewal_near.zero": "the renewal is due within a day",
    "sign.renewal_near.one": "the renewal is {n} day away",
    "sign.renewal_near.other": "the renewal is {n} days away",
    "sign.invoice_overdue.one": "{n} overdue invoice",
    "sign.invoice_overdue.other": "{n} overdue invoices",
    "sign.billing_pages.one": "{n} visit to the billing pages",
    "sign.billing_pages.other": "{n} visits to the billing pages",
    "sign.spec_pages.one": "{n} visit to the specification pages",
    "sign.spec_pages.other": "{n} visits to the specification pages",
    "sign.cancelled.zero": "has cancelled, and the subscription ends within a day",
    "sign.cancelled.one": "has cancelled, and the subscription ends in {n} day",
    "sign.cancelled.other": "has cancelled, and the subscription ends in {n} days",
    "sign.contract_signed.zero": "renewed the contract less than a day ago",
    "sign.contract_signed.one": "renewed the contract {n} day ago",
    "sign.contract_signed.other": "renewed the contract {n} days ago",
    "sign.large_account": "pays {money} a month",
}
