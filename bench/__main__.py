"""`python -m bench`: measures every goal, prints the table, and fails when one does not hold."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.harness import Row, table

_FOLDER = Path(__file__).parent
_MACHINERY = {"__init__", "__main__", "harness"}


def bench_names(folder: Path = _FOLDER) -> list[str]:
    """The modules of the folder that define `measure()`, by name."""
    candidates = sorted(path for path in folder.glob("*.py") if path.stem not in _MACHINERY)
    return [path.stem for path in candidates if "\ndef measure(" in path.read_text(encoding="utf-8")]


def measured_rows(names: Sequence[str]) -> Iterator[Row]:
    """Run the named benches one after the other; each row comes as soon as it is known."""
    for name in names:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        yield from importlib.import_module(f"bench.{name}").measure()


def machine() -> dict[str, str | int]:
    """Where the figures come from: enough to judge them by, nothing that names a host."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "processors": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 0,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, store; returns 1 when a row does not hold."""
    names = bench_names()
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the performance goals.")
    parser.add_argument(
        "--only", action="append", metavar="NAME", choices=names, help=f"one of: {', '.join(names)}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write machine and rows to FILE")
    chosen = parser.parse_args(arguments)

    rows = list(measured_rows(chosen.only or names))
    print(table(rows))
    if chosen.json:
        report = {"machine": machine(), "rows": [asdict(row) for row in rows]}
        chosen.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
