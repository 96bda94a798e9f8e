"""Create the tables, types and functions of procrastinate 3.10, as the package itself describes them."""

from __future__ import annotations

from alembic import op
from procrastinate.schema import SchemaManager

revision = "20261122_procrastinate_3_10"
down_revision = None
branch_labels = None
depends_on = None

# The newest of the package's own upgrade scripts that its schema holds already.
NEWEST = "03.04.00_50_post_add_retry_failed_job_procedure.sql"

_DROP = """
DO $$
DECLARE made record;
BEGIN
    FOR made IN SELECT tablename FROM pg_tables
        WHERE schemaname = current_schema() AND tablename LIKE 'procrastinate\\_%'
    LOOP EXECUTE format('DROP TABLE %I CASCADE', made.tablename); END LOOP;
    FOR made IN SELECT p.oid::regprocedure AS signature FROM pg_proc p
        WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'procrastinate\\_%'
    LOOP EXECUTE format('DROP FUNCTION %s CASCADE', made.signature); END LOOP;
    FOR made IN SELECT t.typname FROM pg_type t
        WHERE t.typnamespace = current_schema()::regnamespace AND t.typname LIKE 'procrastinate\\_%'
        AND t.typtype IN ('e', 'c')
    LOOP EXECUTE format('DROP TYPE %I CASCADE', made.typname); END LOOP;
END $$
"""


def upgrade() -> None:
    _run(SchemaManager.get_schema())


def downgrade() -> None:
    _run(_DROP)


def _run(script: str) -> None:
    """Hand a script to the driver as it stands: several statements, and no parameters in it."""
    op.get_bind().execution_options(no_parameters=True).exec_driver_sql(script)
