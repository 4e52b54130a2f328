"""Smaller states, and a customer's key and home out of one index."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
BACK = """
    alter table customers
        drop constraint customers_customer_id_key,
            add constraint customers_customer_id_key unique (customer_id);
    create function pg_temp.by_field(profile json) returns jsonb language sql as $$
        select jsonb_object_agg(f.key, jsonb_build_array(f.value, g.value -> 0, g.value -> 1,
            g.value -> 2))
        from json_array_elements(profile) g cross join json_each(g.value -> 3) f
    $$;
    alter table states set (fillfactor = 60);
    alter table standings reset (fillfactor);
    alter table timers reset (fillfactor);
    alter table states alter column profile type jsonb using pg_temp.by_field(profile);
"""


def upgrade() -> None:
    _run(SQL)


def downgrade() -> None:
    _run(BACK)


def _run(script: str) -> None:
    bind = op.get_bind()
    bind.execute(
        text("select 1")
    )  # begins SQLAlchemy's transaction: the driver's script below then runs inside of it
    bind.connection.dbapi_connection.run_async(lambda driver: driver.execute(script))
