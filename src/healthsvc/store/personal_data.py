"""Whose data each table holds, how long it is kept, and by what a customer's rows are found to
erase them.

A table that isn't declared here fails a test, and so does one with a column that names customers
which is declared to hold nobody's data. Nothing erases a single customer yet; what does will walk
this list.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Owner: TypeAlias = Literal["customer", "operator", "nobody"]
"""customer: about customers and their people; operator: about those who run the service; nobody:
about no person."""
CUSTOMER_COLUMNS: Final = ("customer_key", "customer_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableData:
    """What one table holds."""

    table: str
    whose: Owner
    holds: str
    retention: str
    """How long."""
    erased: str
    """How one customer's, or one person's, part of it goes."""
    found_by: str | None = None
    """The column that names the customer, where there is one."""


def _of_customer(
    table: str, holds: str, retention: str, found_by: str, erased: str = "its rows are deleted"
) -> TableData:
    return TableData(
        table=table,
        whose="customer",
        holds=holds,
        retention=retention,
        erased=erased,
        found_by=found_by,
    )


def _mixed(table: str, holds: str, retention: str, erased: str) -> TableData:
    return TableData(table=table, whose="customer", holds=holds, retention=retention, erased=erased)


def _of_operator(table: str, holds: str, retention: str, erased: str) -> TableData:
    return TableData(table=table, whose="operator", holds=holds, retention=retention, erased=erased)


def _of_nobody(table: str, holds: str, retention: str) -> TableData:
    return TableData(
        table=table, whose="nobody", holds=holds, retention=retention, erased="nothing to erase"
    )


FOREVER: Final = "for good"
WITH_PROJECTION: Final = "as long as the projection; about a minute after it retires, its rows go"
WITH_LOG: Final = "until folded, then `HEALTHSVC_LOG_RETENTION_DAYS`"
WITH_ARCHIVE: Final = "`HEALTHSVC_ARCHIVE_RETENTION_DAYS`; unset: for good"
WITH_DEDUPE: Final = "`HEALTHSVC_DEDUPE_WINDOW_DAYS`"
WITH_MESSAGE: Final = "as long as its message"

TABLES: Final[tuple[TableData, ...]] = (
    # What customers did, as it came
    _mixed(
        "log_entries",
        "events as they were sent",
        WITH_LOG,
        "its entries are found by the event's customer",
    ),
    _of_customer("archive", "events as they were sent, by day", WITH_ARCHIVE, "customer_key"),
    _of_customer(
        "dead_letters",
        "records that couldn't be read or folded, as they came",
        FOREVER,
        "customer_id",
        "those whose customer could be read are deleted; the rest by their id",
    ),
    _of_nobody("sources", "mappings, modes and sealed secrets of sources", "until changed"),
    _mixed(
        "source_calls",
        "calls of sources, what became of them, and the bodies of refused ones",
        "the newest 500 of each source; bodies for 7 days",
        "they go within 7 days",
    ),
    _of_customer("customer_links", "ids of other systems", FOREVER, "customer_id"),
    _mixed(
        "waiting_events",
        "events whose customer isn't known yet",
        "until the link, 30 days at most",
        "those that name one of the customer's ids of other systems",
    ),
    _of_nobody("dedupe_recent", "digests of event ids", WITH_DEDUPE),
    _of_nobody("dedupe_buckets", "digests of event ids", WITH_DEDUPE),
    # What is known of customers
    _of_customer("customers", "ids and home partitions", FOREVER, "customer_id"),
    _of_customer("states", "features, facts and profile", WITH_PROJECTION, "customer_key"),
    _of_customer("timers", "when time alone changes something", WITH_PROJECTION, "customer_key"),
    _of_customer(
        "standings", "name, owner, segment, band, score and risk", WITH_PROJECTION, "customer_key"
    ),
    _of_customer("history", "recorded decisions", FOREVER, "customer_key"),
    _of_customer("alerts", "alerts, their facts, and who settled them", FOREVER, "customer_key"),
    _of_customer(
        "shadow_marks", "risks by the live version and by a shadow", WITH_PROJECTION, "customer_key"
    ),
    _of_customer("ledger", "revenue, answers to surveys, tickets", FOREVER, "customer_key"),
    _of_customer("ledger_customers", "since when a customer is there", FOREVER, "customer_key"),
    _of_customer(
        "ledger_functions", "which features were used when, hashed", FOREVER, "customer_key"
    ),
    _of_customer(
        "ledger_features_owned", "names of the features of its plan", FOREVER, "customer_key"
    ),
    _of_nobody("ledger_feature_names", "names of features that were used", FOREVER),
    # What was sent
    _of_customer(
        "messages", "webhooks, with what they say of a customer", "30 days", "customer_id"
    ),
    _of_customer(
        "changes",
        "what was decided about a customer, with its name, owner and MRR",
        "`HEALTHSVC_CHANGES_RETENTION_DAYS`",
        "customer_key",
    ),
    _of_customer(
        "change_sequences",
        "how many changes a customer had",
        FOREVER,
        "customer_key",
        "never: it holds a number, and ids of changes must not come twice",
    ),
    _of_nobody("change_heads", "how far the change feed is", FOREVER),
    _of_nobody("deliveries", "which message goes to which endpoint", WITH_MESSAGE),
    _mixed(
        "attempts",
        "what endpoints answered, which may quote a message",
        WITH_MESSAGE,
        "with their message",
    ),
    # Who runs the service
    _of_operator(
        "endpoints",
        "addresses and secrets of subscribers",
        "until deleted",
        "the endpoint is deleted",
    ),
    _of_operator(
        "api_keys", "names and hashes of keys", FOREVER, "the key is revoked; its name stays"
    ),
    _of_operator(
        "page_sessions",
        "sessions of people who look at the pages, each with its sealed API key",
        "12 hours; expired ones go at the next sign-in",
        "signing out everywhere deletes those of a key",
    ),
    _of_operator(
        "audit", "who did what to what", FOREVER, "never: it is the proof of what was done"
    ),
    _of_operator(
        "scorecards", "versions, and who made them", FOREVER, "the name of their author is replaced"
    ),
    _of_operator(
        "projections",
        "builds, and who asked for them",
        FOREVER,
        "the name of who asked is replaced",
    ),
    _of_operator(
        "lab_runs",
        "figures over all customers, and who asked",
        FOREVER,
        "the name of who asked is replaced",
    ),
    _of_operator(
        "lab_schedule",
        "what the lab does by itself, and who said so",
        "until changed",
        "by setting it anew",
    ),
    _of_nobody("service_secrets", "the secret of the installation", FOREVER),
    # How the service works
    _of_nobody("partitions", "leases and offsets", FOREVER),
    _of_nobody("workers", "live processes", "seconds"),
    _of_nobody("log_heads", "the next position of each partition", FOREVER),
    _of_nobody("ledger_marks", "how far the ledger is", FOREVER),
    _of_nobody("traffic", "counts of events by minute and scope", "25 hours"),
    _of_nobody("habits", "usual counts of events by hour and scope", "until learnt anew"),
    _of_nobody("guards", "outages that were detected", FOREVER),
    _of_nobody("guard_watch", "whose turn it is to look for outages", FOREVER),
    _of_nobody("check_reports", "checks that fail now", "seconds"),
    _of_nobody("change_counts", "how often tables were changed", FOREVER),
)
