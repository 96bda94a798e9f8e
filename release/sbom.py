"""The bill of materials: every locked package with its hashes, as CycloneDX, from the lock alone."""

from __future__ import annotations

import json
import re
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sneaky import __version__

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
_PACKAGE = re.compile(
    r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^\s;\\]+)(?: ; (?P<marker>[^\\]+?))? \\\n"
    r"(?P<hashes>(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)"
    r"(?P<because>(?:    #.*\n)*)",
    flags=re.MULTILINE,
)
_OURS = "sneaky-klaus"


@dataclass(frozen=True)
class Package:
    """One locked package; `marker` says where it is needed, `because` which packages want it."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    because: tuple[str, ...]

    @property
    def reference(self) -> str:
        """Its package URL."""
        return f"pkg:pypi/{self.name}@{self.version}"


def locked(lock: str) -> list[Package]:
    """The packages in a hashed requirements file as `./dev lock` writes it."""
    return [
        Package(
            found["name"],
            found["version"],
            found["marker"] or "",
            tuple(re.findall(r"sha256:([0-9a-f]{64})", found["hashes"])),
            tuple(re.findall(r"#\s+(?:via )?([a-z0-9][\w.-]*)", found["because"])),
        )
        for found in _PACKAGE.finditer(lock)
    ]


def bill(lock: str, version: str = __version__) -> dict[str, Any]:
    """The bill of materials as CycloneDX 1.6; the same lock makes the same bill."""
    packages = locked(lock)
    ours = f"pkg:pypi/{_OURS}@{version}"
    wanted: dict[str, list[str]] = {ours: []}
    reference_of = {package.name: package.reference for package in packages} | {_OURS: ours}
    for package in packages:
        wanted.setdefault(package.reference, [])
        for name in package.because:
            if name in reference_of:
                wanted.setdefault(reference_of[name], []).append(package.reference)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ours + lock)}",
        "version": 1,
        "metadata": {"component": _component("application", _OURS, version, ours)},
        "components": [
            _component("library", package.name, package.version, package.reference) | _found_in(package)
            for package in packages
        ],
        "dependencies": [
            {"ref": reference, "dependsOn": sorted(needs)} for reference, needs in sorted(wanted.items())
        ],
    }


def _component(kind: str, name: str, version: str, reference: str) -> dict[str, Any]:
    return {"type": kind, "bom-ref": reference, "name": name, "version": version, "purl": reference}


def _found_in(package: Package) -> dict[str, Any]:
    """The archives that the lock allows, by their hashes, and where the package is needed at all."""
    archives = [
        {"type": "distribution", "url": f"{package.reference}#sha256:{one}", "hashes": [_sha256(one)]}
        for one in package.hashes
    ]
    marker = [{"name": "sneaky-klaus:marker", "value": package.marker}] if package.marker else []
    return {"externalReferences": archives} | ({"properties": marker} if marker else {})


def _sha256(content: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": content}


def main() -> None:
    """Print the bill of this checkout's lock."""
    json.dump(bill(LOCK.read_text(encoding="utf-8")), sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
