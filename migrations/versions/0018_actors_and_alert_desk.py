"""Who acted, in the audit log and with alerts; and what the desk of alerts keeps with an alert."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
COLUMNS = (
    "acknowledged_actor",
    "resolved_actor",
    "assignee",
    "due_at",
    "snoozed_until",
    "outcome",
    "condition_ended_at",
)


def upgrade() -> None:
    bind = op.get_bind()
    bind.execute(
        text("select 1")
    )  # begins SQLAlchemy's transaction: the driver's script below then runs inside of it
    bind.connection.dbapi_connection.run_async(lambda driver: driver.execute(SQL))


def downgrade() -> None:
    bind = op.get_bind()
    bind.execute(
        text(f"alter table alerts {', '.join(f'drop column {column}' for column in COLUMNS)}")
    )
    bind.execute(text("update alerts set state = 'open' where state = 'snoozed'"))
    bind.execute(text("alter table alerts drop constraint alerts_state_check"))
    bind.execute(
        text(
            "alter table alerts add constraint alerts_state_check"
            " check (state in ('held', 'open', 'acknowledged', 'resolved'))"
        )
    )
    bind.execute(text("alter table audit drop column actor_detail"))
