"""The list of tables in docs/operations.md, derived from what they declare of personal data."""

from healthsvc.store.personal_data import TABLES
from tests.support.markdown import table


def render() -> str:
    """All tables with whose data they hold, how long it is kept and how it is erased."""
    rows = [
        (f"`{data.table}`", data.whose, data.holds, data.retention, data.erased) for data in TABLES
    ]
    return table(("Table", "Whose", "Holds", "Kept", "Erased"), rows)
