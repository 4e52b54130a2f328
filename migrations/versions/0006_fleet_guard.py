"""The fleet guard: traffic, its habits, the guards, and alerts that are held."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"
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
    op.execute("update alerts set state = 'open' where state = 'held'")
    op.execute("drop index alerts_held")
    op.execute(
        "alter table alerts drop column held_by, drop constraint alerts_state_check,"
        " add constraint alerts_state_check check (state in ('open', 'acknowledged', 'resolved'))"
    )
    op.execute("drop table guard_watch, guards, habits, traffic")
