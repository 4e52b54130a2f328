"""Recognises, by its name, a type of event that our own systems write about a customer: what we
send, what the CRM synchronises, what a job computes.

Words are those of the name in lower case: `push.sent`, `PushSent` and `push_sent` have the same.
The lists are the field's judgement; a scorecard's table of event types has the last word.
"""

import re
from typing import Final

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SYSTEMS: Final = _words("""
    backfill clearbit cron crm csm dbt elt enrichment etl hubspot internal netsuite pipedrive
    salesforce sfdc zoominfo
    """)
"""A name that begins with one of these is about the customer, not by it."""
SALES_OBJECTS: Final = _words("deal deals lead leads opportunities opportunity")
"""Objects of a CRM, and ..."""
SALES_STEPS: Final = _words("""
    assigned changed closed converted created lost moved qualified scored stage updated won
    """)
"""... what a sales team does with them."""
MESSAGES: Final = _words("""
    alert announcement broadcast campaign contract digest drip email emails inapp invoice letter
    mail mailing newsletter notification notifications nps offer proposal push quote
    receipt reminder sequence sms statement survey webhook whatsapp
    """)
"""What a company sends to its customers."""
SENDING: Final = _words("""
    created deferred dropped generated processed published requested scheduled send sending sends
    sent served skipped suppressed triggered
    """)
"""What happens to a message before it is read: opening, clicking and answering aren't here."""
SYSTEM_VERBS: Final = _words("""
    backfilled deduplicated delivered dispatched displayed enqueued enriched impression impressions
    provisioned queued recalculated received recomputed reindexed resynced shown sync synced
    synchronised synchronized syncing
    """)
"""What only systems do, or what is done to a customer."""


def words_of(event_type: str) -> frozenset[str]:
    """The words of a name, in lower case."""
    return frozenset(word.lower() for word in _WORD.findall(event_type))


def is_ours(event_type: str) -> bool:
    """Whether the name says that we, or a system of ours, wrote the event."""
    words = words_of(event_type)
    first = _WORD.search(event_type)
    return bool(
        (first and first.group().lower() in SYSTEMS)
        or words & SYSTEM_VERBS
        or (words & SALES_OBJECTS and words & SALES_STEPS)
        or (words & MESSAGES and words & SENDING)
    )
