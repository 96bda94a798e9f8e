"""What is missing on a machine is said, and costs continuous integration its green."""

from __future__ import annotations

import pytest

from tests.programs import path_of


def test_a_missing_program_skips_here_and_fails_in_continuous_integration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no-such-tool is missing.*apt install no-such-tool"):
        path_of("no-such-tool")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"no-such-tool is missing"):
        path_of("no-such-tool")
