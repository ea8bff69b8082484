"""The bands of named sources as a model knows them: their names, which are optical, and the values of 0 and 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np


@dataclass(frozen=True)
class Band:
    """A band of a named source.

    Attributes:
        name: Source and band, such as ``rgb.1``, ``soil=2`` or ``dsm.valid``.
        dtype: NumPy name of its source's type, which may be narrower than that of all bands together.
        optical: Whether light makes its values.
        range: Values that become 0 and 1, beyond which values are clipped; None: the type's range, unclipped.
        fill: Value where its source has none; None: it is required.
    """

    name: str
    dtype: str
    optical: bool = False
    range: tuple[float, float] | None = None
    fill: float | None = None

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Read the output of :meth:`to_plain`."""
        ends = plain["range"]
        ends = None if ends is None else (ends[0], ends[1])
        return cls(plain["name"], plain["dtype"], plain["optical"], ends, plain["fill"])

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self) | {"range": None if self.range is None else list(self.range)}

    @property
    def source(self) -> str:
        """Name of its source.

        >>> Band("soil=2", "uint8").source, Band("dsm.valid", "uint8").source
        ('soil', 'dsm')
        """
        return self.name.replace("=", ".").split(".", 1)[0]

    @property
    def has_known_values(self) -> bool:
        """Whether it is known which values become 0 and 1: by its range, or since bytes fill theirs."""
        return self.range is not None or np.dtype(self.dtype).itemsize == 1


def optical_bands(bands: Sequence[Band]) -> list[int]:
    """Return the places of the optical bands, from 0."""
    return [place for place, band in enumerate(bands) if band.optical]


def describe_difference(mine: Sequence[Band] | None, theirs: Sequence[Band] | None) -> str | None:
    """Return how the bands of a scene differ from those that a model was trained on, as a clause; None if they don't.

    Args:
        mine: The scene's bands; None: of imagery whose bands have no names.
        theirs: The model's.

    Example:
        >>> rgb, dsm = Band("rgb.1", "uint8", True), Band("dsm.1", "float32", range=(0.0, 90.0))
        >>> describe_difference([rgb], [rgb, dsm])
        "it lacks dsm.1 of the model's bands rgb.1, dsm.1"
        >>> describe_difference([dsm, rgb], [rgb, dsm])
        "its bands dsm.1, rgb.1 are in another order than the model's rgb.1, dsm.1"
        >>> describe_difference([rgb, Band("dsm.1", "float32")], [rgb, dsm])
        "its dsm.1 has no range, the model's has the range 0 to 90"
    """
    if mine == theirs:
        return None
    if mine is None or theirs is None:
        listed = ", ".join(band.name for band in (mine or theirs or ()))
        return (
            f"its bands {listed} have names, those of the model none"
            if mine
            else (f"its bands have no names, those of the model are {listed}")
        )
    own, trained = [band.name for band in mine], [band.name for band in theirs]
    missing, more = ([n for n in some if n not in others] for some, others in ((trained, own), (own, trained)))
    if missing or more:
        lacks = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(more)} beside those"
        return f"it {lacks} of the model's bands {', '.join(trained)}"
    if own != trained:
        return f"its bands {', '.join(own)} are in another order than the model's {', '.join(trained)}"
    pairs = [(a.to_plain(), b.to_plain()) for a, b in zip(mine, theirs, strict=True)]
    band, key = next((a, key) for a, b in pairs for key in a if a[key] != b[key])
    other = next(b for _, b in pairs if b["name"] == band["name"])
    return f"its {band['name']} {_describe(key, band[key])}, the model's {_describe(key, other[key])}"


def _describe(key: str, value: Any) -> str:
    """Return what is stated of a band, as a clause without its subject."""
    if key == "range":
        return "has no range" if value is None else f"has the range {value[0]:g} to {value[1]:g}"
    if key == "fill":
        return "is required" if value is None else f"is {value:g} where its source has none"
    return f"is {'' if value else 'not '}optical" if key == "optical" else f"is of {value}"
