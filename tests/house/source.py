"""The checkout as the house tests read it: modules as syntax trees, templates and documents as text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One Python file: where it stands, its text, and its syntax tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The path from the checkout's top, as messages show it."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def lines(self) -> int:
        """How many lines the file has."""
        return len(self.text.splitlines())

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree; many rules look at them."""
        return list(ast.walk(self.tree))

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones included."""
        return (node for node in self.nodes if isinstance(node, Function))

    def dotted(self) -> Iterator[tuple[int, str]]:
        """Every dotted name that is read, as written (`db.session.commit`), with its line."""
        for node in self.nodes:
            if isinstance(node, ast.Attribute):
                yield node.lineno, ast.unparse(node)


@cache
def modules(*tops: str) -> list[Module]:
    """The Python files below the named top folders."""
    paths = [path for top in tops for path in sorted((ROOT / top).rglob("*.py"))]
    return [_module(path) for path in paths]


@cache
def _module(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(path, text, ast.parse(text, filename=str(path)))


def house() -> list[Module]:
    """The product's own modules."""
    return modules("sneaky")


def templates() -> list[Path]:
    """Every template of pages and letters."""
    return sorted(path for path in (ROOT / "sneaky").rglob("templates/**/*") if path.is_file())


def documents() -> list[Path]:
    """Every page a person reads about the project."""
    folders = (ROOT / "docs", ROOT / "deploy", ROOT / "tests" / "migrations" / "releases")
    return sorted([*ROOT.glob("*.md"), *(page for folder in folders for page in folder.rglob("*.md"))])
