"""README tells the truth: every setting with its default, every command and every job."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click import Command, Group

from sneaky.cli.main import sneaky
from sneaky.core.settings import documented

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_every_setting_stands_in_readme_with_its_default() -> None:
    stated = re.findall(r"^\| `(SNEAKY_\w+)` \| (.*?) \| (.*) \|$", README, flags=re.MULTILINE)
    assert stated == [(entry.variable, entry.default, entry.help) for entry in documented()]


def test_readme_names_every_secret() -> None:
    (line,) = re.findall(r"^Secrets: (.*)\.$", README, flags=re.MULTILINE)
    assert line.split(", ") == [f"`{entry.variable}`" for entry in documented() if entry.is_secret]


@pytest.mark.parametrize(
    "line", re.findall(r"^(?:\S+/)?sneaky ([a-z].*?)(?:\s+#.*)?$", README, flags=re.MULTILINE)
)
def test_every_sneaky_command_in_readme_exists(line: str) -> None:
    command: Command = sneaky
    for word in line.split():
        if not isinstance(command, Group):
            break
        assert word in command.commands, f"sneaky {line}"
        command = command.commands[word]
