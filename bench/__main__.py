"""`python -m bench`: measures every goal, prints the table, and fails when one does not hold."""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.harness import Parts, Row, table

_FOLDER = Path(__file__).parent
_MACHINERY = {"__init__", "__main__", "harness"}


def bench_names(folder: Path = _FOLDER) -> list[str]:
    """The modules of the folder that define `PARTS`, by name."""
    candidates = sorted(path for path in folder.glob("*.py") if path.stem not in _MACHINERY)
    return [path.stem for path in candidates if "\nPARTS: Parts = " in path.read_text(encoding="utf-8")]


def parts_of(bench: str) -> Parts:
    """What the bench measures, by name."""
    parts: Parts = importlib.import_module(f"bench.{bench}").PARTS
    return parts


def chosen_parts(choice: str) -> list[tuple[str, str]]:
    """The bench and the part that `BENCH.PART` names, or every part of `BENCH`.

    Raises `argparse.ArgumentTypeError` for a name that does not exist.
    """
    bench, _, part = choice.partition(".")
    if bench not in bench_names():
        raise argparse.ArgumentTypeError(f"no bench {bench}; there are {', '.join(bench_names())}")
    parts = parts_of(bench)
    if part and part not in parts:
        raise argparse.ArgumentTypeError(f"{bench} has no part {part}; it has {', '.join(parts)}")
    return [(bench, name) for name in parts if part in ("", name)]


def measured_rows(chosen: Iterable[tuple[str, str]]) -> Iterator[Row]:
    """Measure the parts one after the other; each row comes as soon as it is known."""
    for bench, part in chosen:
        print(f"measuring {bench}.{part} …", file=sys.stderr, flush=True)
        yield from parts_of(bench)[part]()


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
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the performance goals.")
    parser.add_argument(
        "--only",
        action="extend",
        type=chosen_parts,
        metavar="BENCH[.PART]",
        help=f"measure this alone; benches: {', '.join(bench_names())}",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write machine and rows to FILE")
    chosen = parser.parse_args(arguments)

    everything = itertools.chain.from_iterable(map(chosen_parts, bench_names()))
    rows = list(measured_rows(chosen.only or everything))
    print(table(rows))
    if chosen.json:
        report = {"machine": machine(), "rows": [asdict(row) for row in rows]}
        chosen.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
