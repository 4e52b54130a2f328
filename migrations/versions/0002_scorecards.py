"""Scorecard versions, projections that are built beside the live one, and when each event was
counted."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
ADDED = {
    "scorecards": ("created_by", "published_at"),
    "projections": (
        *(
            "reason",
            "requested_by",
            "with_gaps",
            "previous",
            "phase",
            "builder",
            "builder_until",
            "failure",
        ),
        *("live_at", "retired_at", "positions", "marked_at", "cleared_at"),
    ),
    "archive": ("counted_at",),
    "history": ("recorded_at",),
}


def upgrade() -> None:
    bind = op.get_bind()
    bind.execute(
        text("select 1")
    )  # begins SQLAlchemy's transaction: the driver's script below then runs inside of it
    bind.connection.dbapi_connection.run_async(lambda driver: driver.execute(SQL))


def downgrade() -> None:
    op.execute("drop index projections_one_building")
    for table, columns in ADDED.items():
        op.execute(
            f"alter table {table} " + ", ".join(f"drop column {column}" for column in columns)
        )
