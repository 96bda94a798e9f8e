"""The habits of the house, held by reading its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.source import ROOT, Function, Module, house, modules, templates

EVERYTHING = ("sneaky", "migrations", "tests", "bench")


def uses(names: re.Pattern[str], *, except_in: str) -> Iterator[str]:
    for module in house():
        if module.name == except_in:
            continue
        for line, name in module.dotted():
            if names.search(name):
                yield f"{module.name}:{line} {name}"


def test_every_module_says_its_duty_in_its_first_line() -> None:
    silent = [module.name for module in modules(*EVERYTHING) if not ast.get_docstring(module.tree)]
    assert silent == []


@pytest.mark.parametrize(("top", "limit"), [("sneaky", 300), ("bench", 300), ("tests", 400)])
def test_modules_stay_small_enough_to_read_in_one_sitting(top: str, limit: int) -> None:
    large = [f"{module.name}: {module.lines}" for module in modules(top) if module.lines > limit]
    assert large == []


def test_templates_stay_small() -> None:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in templates()}
    large = [f"{path.relative_to(ROOT)}: {lines}" for path, lines in sizes.items() if lines > 150]
    assert large == []


def code_lines(function: Function) -> int:
    """The lines from `def` to the end, without the docstring."""
    body = function.body
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (body[0].end_lineno or 0) - body[0].lineno + 1
    return lines


def test_functions_fit_on_a_screen() -> None:
    long = [
        f"{module.name}:{function.lineno} {function.name}: {code_lines(function)}"
        for module in modules("sneaky", "bench")
        for function in module.functions()
        if code_lines(function) > 40
    ]
    assert long == []


def test_only_the_transaction_commits_and_rolls_back() -> None:
    found = list(uses(re.compile(r"\.(commit|rollback)$"), except_in="sneaky/core/db.py"))
    assert found == []


def test_only_the_settings_read_the_environment() -> None:
    found = list(uses(re.compile(r"^os\.(environ|getenv)\b"), except_in="sneaky/core/settings.py"))
    assert found == []


def test_only_the_clock_knows_what_time_it_is() -> None:
    of_the_wall = re.compile(r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.time)$")
    found = list(uses(of_the_wall, except_in="sneaky/core/clock.py"))
    assert found == []


def test_imports_are_absolute() -> None:
    relative = [
        f"{module.name}:{node.lineno}"
        for module in modules(*EVERYTHING)
        for node in module.nodes
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "common", "misc"}
    found = [module.name for module in house() if drawers & set(module.path.with_suffix("").parts)]
    assert found == []


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|HA" + r"CK)\b")
    kinds = {".py", ".html", ".txt", ".js", ".css", ".md", ".sh", ""}
    files = [
        path
        for top in (*EVERYTHING, "docs")
        for path in (ROOT / top).rglob("*")
        if path.is_file() and path.suffix in kinds and "vendor" not in path.parts
    ]
    files += [ROOT / name for name in ("dev", "entrypoint.sh", "Containerfile")]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if later.search(line)
    ]
    assert found == []


def handlers(module: Module) -> Iterator[ast.ExceptHandler]:
    return (node for node in module.nodes if isinstance(node, ast.ExceptHandler))


def test_nothing_swallows_every_error_unseen() -> None:
    """A bare `except` is never right; a broad one has to do something with what it caught."""
    found = [
        f"{module.name}:{handler.lineno}"
        for module in house()
        for handler in handlers(module)
        if handler.type is None
        or (ast.unparse(handler.type) == "BaseException" and "raise" not in ast.unparse(handler))
        or (
            ast.unparse(handler.type) == "Exception"
            and all(isinstance(step, ast.Pass) for step in handler.body)
        )
    ]
    assert found == []
