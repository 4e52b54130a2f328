"""Sources: how calls of other systems become events, and who their ids stand for."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
TABLES = ("waiting_events", "customer_links", "source_calls", "sources")


def upgrade() -> None:
    bind = op.get_bind()
    bind.execute(
        text("select 1")
    )  # begins SQLAlchemy's transaction: the driver's script below then runs inside of it
    bind.connection.dbapi_connection.run_async(lambda driver: driver.execute(SQL))


def downgrade() -> None:
    for table in TABLES:
        op.get_bind().execute(text(f"drop table {table}"))
