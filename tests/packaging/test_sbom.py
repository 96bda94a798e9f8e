"""The bill of materials says what the lock says, all of it."""

from __future__ import annotations

import re

from release.sbom import LOCK, bill, locked
from sneaky import __version__

TEXT = LOCK.read_text(encoding="utf-8")


def test_every_locked_package_is_on_the_bill_with_its_hashes() -> None:
    named = re.findall(r"^([a-z0-9][\w.-]*)==([^\s;]+)", TEXT, flags=re.MULTILINE)
    made = bill(TEXT)
    assert [(one["name"], one["version"]) for one in made["components"]] == named
    assert sum(len(one["externalReferences"]) for one in made["components"]) == TEXT.count("--hash=sha256:")
    assert made["metadata"]["component"]["version"] == __version__


def test_who_needs_what_leads_from_us_to_every_package() -> None:
    made = bill(TEXT)
    needs = {one["ref"]: one["dependsOn"] for one in made["dependencies"]}
    reached, todo = set(), [made["metadata"]["component"]["bom-ref"]]
    while todo:
        reference = todo.pop()
        if reference not in reached:
            reached.add(reference)
            todo += needs[reference]
    assert reached == set(needs)
    assert len(reached) == len(made["components"]) + 1


def test_the_same_lock_makes_the_same_bill_and_another_one_another() -> None:
    assert bill(TEXT) == bill(TEXT)
    assert bill(TEXT)["serialNumber"] != bill(TEXT, version="9.9")["serialNumber"]


def test_a_package_that_only_some_need_says_where() -> None:
    lock = 'six==1.0 ; sys_platform == "win32" \\\n    --hash=sha256:' + "0" * 64 + "\n    # via flask\n"
    (package,) = locked(lock)
    assert (package.marker, package.because) == ('sys_platform == "win32"', ("flask",))
