"""Alerts for whoever operates the service, in the table of the customers' alerts."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0004"
down_revision = "0003"
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
    op.execute("delete from alerts where scope is not null")
    op.execute("drop index alerts_operations_open")
    op.execute("alter table alerts drop constraint alerts_about, drop column scope")
    op.execute(
        "alter table alerts alter column customer_key set not null, alter column customer_id set"
        " not null"
    )
