"""A later version of the checkout, for tests: the same code and one revision more."""

from __future__ import annotations

import shutil
from pathlib import Path

from sneaky.core import schema
from tests.house.source import ROOT

REVISION = "29991231_a_later_one"
_EXPANDS = '''"""Add what a later version keeps."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("participant", sa.Column("shoe_size", sa.Integer()))
    op.add_column("letter", sa.Column("is_sung", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table("carol", sa.Column("id", sa.Integer(), primary_key=True))
'''


def migrations_with_one_more(folder: Path) -> Path:
    """Our revisions and a later one that expands the schema, in `folder/migrations`."""
    made = folder / "migrations"
    shutil.copytree(ROOT / "migrations", made, ignore=shutil.ignore_patterns("__pycache__"))
    text = _EXPANDS.format(revision=REVISION, head=schema.head())
    (made / "versions" / f"{REVISION}.py").write_text(text)
    return made


def later_version(folder: Path) -> Path:
    """A folder to put on PYTHONPATH: the package as it is, beside the revisions of a later version."""
    migrations_with_one_more(folder)
    package, core = folder / "sneaky", folder / "sneaky" / "core"
    core.mkdir(parents=True)
    for here, ours in ((package, ROOT / "sneaky"), (core, ROOT / "sneaky" / "core")):
        for one in ours.iterdir():
            if one.name not in {"core", "schema.py", "__pycache__"}:
                (here / one.name).symlink_to(one)
    # The module that looks for the revisions beside itself, and follows links on its way.
    shutil.copy(ROOT / "sneaky/core/schema.py", core / "schema.py")
    return folder
