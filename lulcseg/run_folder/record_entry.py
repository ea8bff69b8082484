"""What the parts of a record have in common: known keys as attributes, unknown ones kept, the file's order kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

_OWN = ("others", "written")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A mapping of a JSON file as a value.

    Writing an entry that was read gives back the same keys in the same order: what an older version left out stays
    out, what a newer one added stays in. A key that is absent reads as the attribute's default.

    Attributes:
        others: Entries that this version doesn't know.
        written: Keys in the order of the file; None: all attributes, in the order of their declaration.
    """

    others: Mapping[str, Any] = field(default_factory=dict, repr=False)
    written: tuple[str, ...] | None = field(default=None, repr=False)

    readers: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}
    """By name, what turns an attribute's plain value into its type; other values stay as JSON has them."""

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Read an entry from plain Python, as JSON gives it.

        Raises:
            TypeError: It, or an entry in it, isn't a mapping.
        """
        if not isinstance(plain, Mapping):
            raise TypeError(f"{cls.__name__} is written as a mapping, not as {type(plain).__name__}")
        known = cls._attributes()
        return cls(
            **{key: cls._read(key, value) for key, value in plain.items() if key in known},
            others={key: value for key, value in plain.items() if key not in known},
            written=tuple(plain),
        )

    @classmethod
    def of(cls, **attributes: Any) -> Self:
        """Make an entry of these attributes alone, written in this order."""
        return cls(**attributes, written=tuple(attributes))

    def to_plain(self) -> dict[str, Any]:
        """Return the entry as plain Python, fit for JSON."""
        return {key: _plain(value) for key, value in self.pick(*self.keys).items()}

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that the file has, or will have, in order."""
        return (*self._attributes(), *self.others) if self.written is None else self.written

    def pick(self, *keys: str) -> dict[str, Any]:
        """Return some of the entry's values by key, leaving out keys that the file doesn't have."""
        return {key: self.others[key] if key in self.others else getattr(self, key) for key in keys if key in self.keys}

    def updated(self, **changes: Any) -> Self:
        """Return the entry with some attributes changed; new ones are written last."""
        return replace(self, **changes, written=tuple(dict.fromkeys([*self.keys, *changes])))

    @classmethod
    def _attributes(cls) -> tuple[str, ...]:
        return tuple(f.name for f in fields(cls) if f.name not in _OWN)

    @classmethod
    def _read(cls, key: str, value: Any) -> Any:
        read = cls.readers.get(key)
        return value if read is None or value is None else read(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Entry):
        return value.to_plain()
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value
