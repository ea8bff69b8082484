"""The layout of the code: what a stranger relies on when looking for something."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import lulcseg

PACKAGE = Path(lulcseg.__file__).parent
TESTS = Path(__file__).parent
LONGEST = 310
LOOSE = {
    "__init__", "__main__", "cli", "errors", "files", "grid", "invocation", "legend", "locks", "processes", "progress",
    "seeds",
}  # fmt: skip
NAMED_BY_USERS = {"settings", "commands"}
"""Packages whose modules carry the name of a key or a command, which may be another module's name too."""


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def repeated(named: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: places for name, places in named.items() if len(places) > 1}


def test_few_modules_stand_loose() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == LOOSE


def test_no_two_modules_share_a_name() -> None:
    named = defaultdict(list)
    for path in modules():
        if path.stem != "__init__" and path.parent.name not in NAMED_BY_USERS:
            named[path.stem].append(str(path.relative_to(PACKAGE)))
    assert repeated(named) == {}


def test_no_two_classes_share_a_name() -> None:
    named = defaultdict(list)
    for path in modules():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                named[node.name].append(str(path.relative_to(PACKAGE)))
    assert repeated(named) == {}


def test_files_are_short_and_say_what_they_are() -> None:
    texts = {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in modules()}
    assert {name: text.count("\n") for name, text in texts.items() if text.count("\n") > LONGEST} == {}
    assert [name for name, text in texts.items() if ast.get_docstring(ast.parse(text)) is None] == []
    assert [name for name in texts if "util" in name] == []


def imported_by(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_no_test_imports_another() -> None:
    """What tests share lies in tests/support/."""
    borrowed = {
        str(path.relative_to(TESTS)): sorted(names)
        for path in TESTS.rglob("test_*.py")
        if (names := {n for n in imported_by(path) if n.startswith("tests.") and ".test_" in n})
    }
    assert borrowed == {}


def test_tests_lie_as_the_package_does() -> None:
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    spanning = {"property", "reference", "e2e", "benchmarks", "reliability", "packaging", "docs"}
    others = {*spanning, "support", "data", "__pycache__"}
    assert {path.name for path in TESTS.iterdir() if path.is_dir()} - others <= packages
