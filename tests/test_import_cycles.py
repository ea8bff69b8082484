"""No module of the package imports itself by way of others, not even inside functions or for types alone."""

from __future__ import annotations

import ast
from pathlib import Path

import lulcseg

PACKAGE = Path(lulcseg.__file__).parent


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph(sources: dict[str, str]) -> dict[str, set[str]]:
    """Return the modules that each module imports, anywhere in it: (name → text) → (name → names)."""
    graph: dict[str, set[str]] = {}
    for name, text in sources.items():
        graph[name] = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert node.level == 0, f"{name} has a relative import"
                found = [f"{node.module}.{alias.name}" for alias in node.names]
                graph[name] |= {f if f in sources else node.module for f in found}
            elif isinstance(node, ast.Import):
                graph[name] |= {alias.name for alias in node.names}
        graph[name] &= set(sources)
    return graph


def cycles(graph: dict[str, set[str]]) -> set[frozenset[str]]:
    """Return the groups of modules that reach each other (strongly connected components, Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: set[frozenset[str]] = set()

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            place = stack.index(node)
            group = stack[place:]
            del stack[place:]
            if len(group) > 1 or node in graph[node]:
                found.add(frozenset(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def test_cycles_are_found_wherever_they_hide() -> None:
    sources = {
        "p.a": "from p import b",
        "p.b": "def f():\n    from p.c import x",
        "p.c": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import p.a",
        "p.d": "import p.a, numpy",
    }
    assert cycles(import_graph(sources)) == {frozenset({"p.a", "p.b", "p.c"})}


def test_no_module_imports_itself_by_way_of_others() -> None:
    sources = {module_name(path): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    assert len(sources) > 200
    del sources["lulcseg"]  # names the public API for users; modules take the version from it, and nothing else
    assert [sorted(group) for group in cycles(import_graph(sources))] == []
