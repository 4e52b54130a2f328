"""The ledger: what the portfolio needs of the archive, kept beside it."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0005"
down_revision = "0004"
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
    for table in ("ledger_marks", "ledger_functions", "ledger_customers", "ledger"):
        op.execute(f"drop table {table}")
