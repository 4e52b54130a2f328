"""Shadows: versions that score beside the live one."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0008"
down_revision = "0007"
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
    op.execute("drop table shadow_marks")
    op.execute("update projections set reason = 'publish' where reason = 'shadow'")
    op.execute("alter table projections drop constraint projections_reason_check")
    allowed = "check (reason in ('start', 'publish', 'rebuild'))"
    op.execute(f"alter table projections add constraint projections_reason_check {allowed}")
