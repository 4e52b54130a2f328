"""Runs of the lab that replay the health score, or hold a version against the live one."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0014"
down_revision = "0013"
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
    op.execute("delete from lab_runs where kind in ('compare', 'preview', 'replay')")
    op.execute("alter table lab_runs drop constraint lab_runs_kind_check")
    op.execute(
        "alter table lab_runs add constraint lab_runs_kind_check check (kind in ('backtest', 'fit',"
        " 'drift'))"
    )
