"""The first schema: all of 0001_spine.sql, which is its own documentation."""

import re
from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0001"
down_revision = None
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
    tables = re.findall(r"^create table (\w+)", SQL, flags=re.MULTILINE)
    op.execute(f"drop table {', '.join(tables)} cascade")
