"""YAML files that users write: plain values, each read as it is written.

What YAML 1.1 turns into something else stays text: ``yes`` and ``no``, ``010``, ``1:30``, days and keys. So a class may
be called ``No``, and a value of a class raster be written ``010``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from lulcseg.errors import LulcsegError

_MOST_VALUES = 100_000
_DEEPEST = 50
_MOST_DIGITS = 18
"""Digits of a whole number; longer ones are text."""

_KINDS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": (r"null|Null|NULL|~|", ["~", "n", "N", ""]),
    "int": (rf"[-+]?(?:0|[1-9][0-9]{{0,{_MOST_DIGITS - 1}}})", "-+0123456789"),
    "float": (
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
}


class _PlainLoader(yaml.SafeLoader):
    """Loads mappings, lists, text, numbers, truth values and null, and nothing else."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own attribute)

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a value, and refuse one that is nested too deeply before the parser slows down.

        Raises:
            ValueError: It is.
        """
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ValueError("its values are nested too deeply")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping with the keys as they are written.

        Raises:
            yaml.YAMLError: A key is not text, stands there twice, or merges another mapping.
        """
        found: dict[Any, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is not text", key.start_mark)
            if key.value == "<<" and key.style is None:
                raise yaml.constructor.ConstructorError(
                    None, None, "mappings aren't merged with <<: write their entries out", key.start_mark
                )
            if key.value in found:
                raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' stands there twice", key.start_mark)
            found[key.value] = self.construct_object(value, deep=deep)
        return found


_PLAIN = [f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", *_KINDS)]
_PlainLoader.yaml_constructors = {
    tag: make for tag, make in yaml.SafeLoader.yaml_constructors.items() if tag in _PLAIN or tag is None
}
for _kind, (_pattern, _first) in _KINDS.items():
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern})$"), list(_first))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        LulcsegError: It can't be read, is not YAML or not a mapping, or has more or deeper values than settings have.
    """
    try:
        plain = yaml.load(path.read_text(encoding="utf-8"), _PlainLoader)
        values = _count(plain, ())
    except OSError as error:
        raise LulcsegError(f"it can't be read ({error.strerror})", where=path, remedy="check the path") from error
    except (yaml.YAMLError, ValueError) as error:
        raise LulcsegError(f"it is not YAML ({_reason(error)})", where=path, remedy="correct it") from error
    if values > _MOST_VALUES:
        raise LulcsegError(
            f"it has more than {_MOST_VALUES:,} values", where=path, remedy="write out no lists of lists"
        )
    if not isinstance(plain, dict):
        raise LulcsegError("it has no settings", where=path, remedy="write it as 'key: value' lines")
    return plain


def refuse_references(plain: Any, path: Path) -> None:
    """Check that no text refers to anything outside the file, such as ``${oc.env:HOME}``.

    Raises:
        LulcsegError: Some text does.
    """
    parts = plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else ()
    for part in parts:
        refuse_references(part, path)
    if isinstance(plain, str) and "${" in plain:
        raise LulcsegError(
            f"'{plain}' refers to a value elsewhere, which is not looked up",
            where=path,
            remedy="write the value itself",
        )


def _count(plain: Any, above: tuple[int, ...]) -> int:
    """Return the number of values, aliases counted each time; stop beyond the bound.

    Raises:
        ValueError: A value contains itself.
    """
    if not isinstance(plain, dict | list):
        return 1
    if id(plain) in above:
        raise ValueError("a value contains itself")
    total = 1
    for part in plain.values() if isinstance(plain, dict) else plain:
        total += _count(part, (*above, id(plain)))
        if total > _MOST_VALUES:
            break
    return total


def _reason(error: yaml.YAMLError | ValueError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return str(error).splitlines()[0]
