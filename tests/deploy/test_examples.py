"""The examples for operators parse, and name only settings, roles and commands that there are."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sneaky.cli.main import sneaky
from sneaky.core.settings import load
from tests.house.source import ROOT
from tests.programs import path_of

DEPLOY = ROOT / "deploy"
COMPOSE = sorted(DEPLOY.glob("compose*.yaml"))
OURS = "sneaky-klaus"
ROLES = set(re.findall(r"^    ([a-z]+)\)", (ROOT / "entrypoint.sh").read_text(), flags=re.MULTILINE))


def services(file: Path) -> dict[str, dict[str, Any]]:
    """The services of ours, by name."""
    parsed = yaml.safe_load(file.read_text())
    return {name: one for name, one in parsed["services"].items() if one.get("image") == OURS}


def secret_files(environment: dict[str, str], folder: Path) -> dict[str, str]:
    """The environment with each `…_FILE` led to a file that exists."""
    values = {
        "DATABASE_URL": "postgresql://sneaky:x@database/sneaky",
        "MAIL_URL": "smtp://klaus:x@mail.example.org",
    }
    found = dict(environment)
    for name, path in environment.items():
        if name.endswith("_FILE"):
            setting = name.removeprefix("SNEAKY_").removesuffix("_FILE")
            file = folder / Path(path).name
            file.write_text(values.get(setting, "0123456789abcdef" * 4))
            found[name] = str(file)
    return found


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_a_compose_file_names_settings_and_roles_that_exist(file: Path, tmp_path: Path) -> None:
    for name, service in services(file).items():
        environment = {**secret_files(service["environment"], tmp_path), "SNEAKY_DATA_DIR": str(tmp_path)}
        settings, warnings = load(environment)
        assert warnings == [], name
        assert settings.is_https
        assert settings.trusted_proxies == 1
        assert environment["SNEAKY_ROLE"] in ROLES


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_a_compose_file_keeps_its_own_promises(file: Path) -> None:
    """Each volume and secret that is used is declared, and a service is guarded as the image allows."""
    parsed = yaml.safe_load(file.read_text())
    for name, service in parsed["services"].items():
        named = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        assert {one for one in named if not one.startswith(".")} <= set(parsed["volumes"]), name
        assert set(service.get("secrets", [])) <= set(parsed["secrets"]), name
    for name, service in services(file).items():
        assert service["read_only"], name
        assert (ROOT / "deploy" / service["build"]["context"] / service["build"]["dockerfile"]).exists()
        used = {Path(path).name for key, path in service["environment"].items() if key.endswith("_FILE")}
        assert used == set(service["secrets"]), name
        assert service["stop_grace_period"] == "30s", "longer than the grace of requests and runs"


def test_the_large_example_has_every_role_and_no_process_with_two() -> None:
    found = services(DEPLOY / "compose.scale.yaml")
    roles = {name: service["environment"]["SNEAKY_ROLE"] for name, service in found.items()}
    assert roles == {"web-1": "web", "web-2": "web", "scheduler": "scheduler", "worker": "worker"}
    assert found["worker"]["deploy"]["replicas"] == 2
    asked_for_pages = {name for name, one in found.items() if not one.get("healthcheck", {}).get("disable")}
    assert asked_for_pages == {"web-1", "web-2"}
    caddyfile = (DEPLOY / "Caddyfile").read_text()
    assert all(f"{name}:8000" in caddyfile for name in asked_for_pages)


def test_the_unit_starts_a_command_that_exists_and_gives_it_time() -> None:
    unit = (DEPLOY / "sneaky-klaus.service").read_text()
    (start,) = re.findall(r"^ExecStart=\S+/sneaky (.*)$", unit, flags=re.MULTILINE)
    command, *options = start.split()
    known = {name for option in sneaky.commands[command].params for name in option.opts}
    assert set(options) <= known
    assert "TimeoutStopSec=30" in unit


def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "sneaky"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = (DEPLOY / "sneaky-klaus.service").read_text().replace("/opt/sneaky-klaus/bin/sneaky", str(program))
    copy = tmp_path / "sneaky-klaus.service"
    copy.write_text(unit)
    result = subprocess.run(
        [path_of("systemd-analyze"), "verify", copy], capture_output=True, text=True, check=False
    )
    ours = [line for line in result.stderr.splitlines() if "sneaky-klaus" in line]
    assert ours == []
