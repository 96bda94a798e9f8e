"""The tools of these tests: the vendored one is the release it says it is, the fetched one is locked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

HERE = Path(__file__).parent


def test_axe_is_the_release_that_its_note_names() -> None:
    (line,) = [
        line for line in (HERE / "vendor" / "README.md").read_text().splitlines() if line.startswith("| axe")
    ]
    _, _file, _package, version, _licence, digest, _ = (cell.strip() for cell in line.split("|"))
    content = (HERE / "vendor" / "axe.min.js").read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest
    assert f"axe v{version}".encode() in content[:40]


def test_the_html_checker_is_locked_by_hash_and_names_no_host() -> None:
    lock = json.loads((HERE / "validator" / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert [
        name for name, package in packages.items() if not package.get("integrity", "").startswith("sha512-")
    ] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []
