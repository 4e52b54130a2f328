"""Failing checks that processes report of themselves, and up to when the ledger's figures are."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0017"
down_revision = "0016"
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
    bind.execute(text("alter table ledger_marks drop column as_of"))
    bind.execute(text("drop table check_reports"))
