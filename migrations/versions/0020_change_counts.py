"""How often what lists show has changed: what their entity tags are made of."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
COUNTED = ("standings", "alerts", "guards", "scorecards", "projections")


def upgrade() -> None:
    bind = op.get_bind()
    bind.execute(
        text("select 1")
    )  # begins SQLAlchemy's transaction: the driver's script below then runs inside of it
    bind.connection.dbapi_connection.run_async(lambda driver: driver.execute(SQL))


def downgrade() -> None:
    bind = op.get_bind()
    for table in COUNTED:
        bind.execute(text(f"drop trigger count_change on {table}"))
    bind.execute(text("drop function count_change()"))
    bind.execute(text("drop table change_counts"))
