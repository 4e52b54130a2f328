"""The desk of alerts: who has it, until when, what came of it, step by step."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")


def upgrade() -> None:
    bind = op.get_bind()
    bind.execute(
        text("select 1")
    )  # begins SQLAlchemy's transaction: the driver's script below then runs inside of it
    bind.connection.dbapi_connection.run_async(lambda driver: driver.execute(SQL))


def downgrade() -> None:
    bind = op.get_bind()
    bind.execute(text("drop table alert_steps"))
    bind.execute(text("alter table alerts drop constraint alerts_outcome_check"))
    for column in ("chosen_priority", "snoozed_flag", "snoozed_edge", "overdue_at", "note"):
        bind.execute(text(f"alter table alerts drop column {column}"))
    bind.execute(text("drop index if exists alerts_snoozed, alerts_due, alerts_assignee"))
