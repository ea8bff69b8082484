"""Parts by name, or by the dotted path of a class or function of any installed package (``_target_``).

Light: nothing is imported until a part is loaded, so that a registry's names can be the choices of a setting.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from lulcseg.errors import LulcsegError, did_you_mean


class Registry(Mapping[str, str]):
    """Parts of one kind: each name with the dotted path of its class or function.

    Args:
        kind: What a part is, such as "network".
        key: The setting that names it, such as "model.name".
        parts: Name → dotted path.

    Examples:
        >>> numbers = Registry("number", "number.name", {"half": "fractions.Fraction"})
        >>> list(numbers), numbers.load("half")(1, 2)
        (['half'], Fraction(1, 2))
    """

    def __init__(self, kind: str, key: str, parts: Mapping[str, str]) -> None:
        self.kind, self.key, self._parts = kind, key, dict(parts)

    def __getitem__(self, name: str) -> str:
        """Return a part's dotted path."""
        return self._parts[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._parts)

    def __len__(self) -> int:
        """Return the number of parts."""
        return len(self._parts)

    def load(self, name: str) -> Any:
        """Import a part.

        Raises:
            LulcsegError: An unknown name.
        """
        if name not in self._parts:
            raise LulcsegError(f"there is no {self.kind} '{name}'", where=self.key, remedy=did_you_mean(name, self))
        return import_target(self._parts[name], self.key)


class OpenChoices(tuple[str, ...]):
    """Choices of a setting that also takes any dotted path.

    Examples:
        >>> choices = OpenChoices(["constant", "cosine"])
        >>> list(choices), "my_package.my_schedule" in choices, "cosin" in choices
        (['constant', 'cosine'], True, False)
    """

    __slots__ = ()

    def __contains__(self, value: object) -> bool:
        """Whether a value is one of the choices, or looks like a dotted path."""
        return super().__contains__(value) or (isinstance(value, str) and "." in value)


def import_target(target: str, where: str) -> Any:
    """Import a class or function by its dotted path.

    Args:
        target: Such as ``my_package.losses.MyLoss``.
        where: The setting to name in errors.

    Raises:
        LulcsegError: It can't be imported, or is not callable.

    Examples:
        >>> import_target("collections.Counter", "here")
        <class 'collections.Counter'>
    """
    module, _, name = target.rpartition(".")
    if not module or not all(part.isidentifier() for part in target.split(".")):
        raise LulcsegError(f"'{target}' is not a dotted path", where=where, remedy="write package.module.Name")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # importing runs the module, which may raise anything
        first = (str(error).splitlines() or [""])[0]
        raise LulcsegError(
            f"'{target}' can't be imported ({type(error).__name__}: {first})",
            where=where,
            remedy="install its package, or put its folder on PYTHONPATH",
        ) from error
    if not callable(found):
        what = "is not a class or function" if found is not None else f"does not exist: {module} has no '{name}'"
        raise LulcsegError(f"'{target}' {what}", where=where, remedy="correct the name")
    return found


def plain_section(section: Any) -> dict[str, Any]:
    """Return a section of the settings as a plain dictionary, without a target that is not set.

    So a checkpoint of a part by name has the same keys as before there were targets.
    """
    plain = asdict(section)
    return {key: value for key, value in plain.items() if key not in {"target", "arguments"} or value}


def bound_arguments(
    target: str, arguments: Mapping[str, Any], where: str, offered: Mapping[str, Any] | None = None, given: int = 0
) -> tuple[Any, dict[str, Any]]:
    """Import a target and check that it takes its arguments, without calling it.

    Args:
        target: Dotted path.
        arguments: Its keyword arguments, from the settings.
        where: The setting to name in errors.
        offered: Further keyword arguments, for those that its signature names and the settings don't give.
        given: Number of positional arguments that the caller will give.

    Returns:
        The target, and the keyword arguments to call it with.

    Raises:
        LulcsegError: It can't be imported, or refuses its arguments.
    """
    found = import_target(target, where)
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):  # some functions written in C have none
        return found, dict(arguments)
    extra = {key: value for key, value in (offered or {}).items() if key in signature.parameters}
    chosen = {**extra, **arguments}
    try:
        signature.bind(*(None,) * given, **chosen)
    except TypeError as error:
        raise LulcsegError(
            f"{target} refuses its arguments ({error})", where=where, remedy=f"its signature is {_shortened(signature)}"
        ) from error
    return found, chosen


def build_target(
    target: str,
    arguments: Mapping[str, Any],
    where: str,
    *given: Any,
    offered: Mapping[str, Any] | None = None,
) -> Any:
    """Call a target with its arguments.

    Args:
        target: Dotted path of a class or function.
        arguments: Its keyword arguments, from the settings.
        where: The setting to name in errors.
        *given: Positional arguments.
        offered: Further keyword arguments, for those that its signature names and the settings don't give.

    Raises:
        LulcsegError: It can't be imported, or refuses its arguments.

    Examples:
        >>> build_target("fractions.Fraction", {"denominator": 4}, "here", 1)
        Fraction(1, 4)
    """
    found, chosen = bound_arguments(target, arguments, where, offered, len(given))
    try:
        return found(*given, **chosen)
    except LulcsegError:
        raise
    except Exception as error:  # whatever somebody else's code raises on a wrong value
        first = (str(error).splitlines() or [""])[0]
        raise LulcsegError(
            f"{target} refuses its arguments ({type(error).__name__}: {first})", where=where, remedy="correct them"
        ) from error


def _shortened(signature: inspect.Signature) -> str:
    names = [str(p.replace(annotation=p.empty, default=p.empty)) for p in signature.parameters.values()]
    return f"({', '.join(names)})"
