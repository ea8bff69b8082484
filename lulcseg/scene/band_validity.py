"""Which pixels of a raster file are valid, band by band: what is declared, what counts, and where each band's value is.

The one place that weighs a file's mask, alpha band and nodata values; reading by it is in `band_source.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from rasterio.enums import ColorInterp, MaskFlags

from lulcseg.errors import LulcsegError

_COLOURS = (ColorInterp.red.name, ColorInterp.green.name, ColorInterp.blue.name)
_ALPHA, _OPAQUE = 3, 255


@dataclass(frozen=True)
class Palette:
    """The palette of a raster that is read as its colours.

    Attributes:
        band: Number of the band that holds its numbers.
        nodata: The number that means no data; None: none does.
        alpha: Number of the file's alpha band; None: it has none.
        hides: Whether some numbers have no colour to be seen: nodata, or colours that aren't opaque.
    """

    band: int
    nodata: float | None = None
    alpha: int | None = None
    hides: bool = False

    @property
    def tells(self) -> bool:
        """Whether there is an alpha band beside its colours."""
        return self.alpha is not None or self.hides


@dataclass(frozen=True)
class BandFacts:
    """What a raster declares of its bands; tuples have an entry for each band of the file.

    Attributes:
        dtypes: NumPy names of the values' types.
        nodatas: Nodata values, None where there is none.
        colours: Colour interpretations (red, green, blue, alpha, undefined …).
        masked: Whether GDAL makes a mask of the file's mask or alpha band.
        has_mask: Whether there is a mask of its own: inside the file, beside it (``.msk``), or by NODATA_VALUES.
        see_through: Whether its palette has colours that aren't opaque.
        palette: The palette as whose colours it is read; None: as the values that it holds.
    """

    dtypes: tuple[str, ...]
    nodatas: tuple[float | None, ...]
    colours: tuple[str, ...]
    masked: bool
    has_mask: bool
    see_through: bool = False
    palette: Palette | None = None

    @classmethod
    def of(cls, dataset: Any) -> Self:
        """Return the facts of an open raster."""
        flags = dataset.mask_flag_enums
        # a mask of the whole file is in the flags of all bands; one made of an alpha band carries its flag too
        has_mask = any(MaskFlags.per_dataset in band and MaskFlags.alpha not in band for band in flags)
        masked = has_mask or any(MaskFlags.alpha in band for band in flags)
        colours = tuple(c.name for c in dataset.colorinterp)
        nodatas, band = tuple(dataset.nodatavals), _palette_band(colours)
        see_through = band is not None and any(colour[_ALPHA] < _OPAQUE for colour in dataset.colormap(band).values())
        return cls(tuple(dataset.dtypes), nodatas, colours, masked, has_mask, see_through)

    @property
    def alpha(self) -> int | None:
        """Number of the band declared as alpha, if there is one."""
        name = ColorInterp.alpha.name
        return self.colours.index(name) + 1 if name in self.colours else None

    def expand(self, nodata: float | None = None) -> Self:
        """Return the facts of the palette's colours: red, green, blue, and alpha where something tells it.

        Alpha is the file's alpha band, and 0 at its nodata value and at colours that can't be seen. A raster without a
        palette, or with further bands, stays as it is.

        Args:
            nodata: Number of the palette that means no data, over what the file declares.

        Example:
            >>> BandFacts(("uint8",), (0.0,), ("palette",), False, False).expand().colours
            ('red', 'green', 'blue', 'alpha')
        """
        band = _palette_band(self.colours)
        if band is None:
            return self
        nothing = _in_type(self.nodatas[band - 1] if nodata is None else nodata, self.dtypes[band - 1])
        palette = Palette(band, nothing, self.alpha, nothing is not None or self.see_through)
        colours = (*_COLOURS, *([ColorInterp.alpha.name] if palette.tells else []))
        count = len(colours)
        return replace(
            self,
            dtypes=("uint8",) * count,
            nodatas=(None,) * count,
            colours=colours,
            masked=self.has_mask or palette.tells,
            palette=palette,
        )

    @property
    def all_nodata(self) -> list[float | None]:
        """Nodata values of its bands, or of the palette as whose colours it is read."""
        return list(self.nodatas) if self.palette is None else [self.palette.nodata]

    @property
    def image_bands(self) -> list[int]:
        """Numbers of the bands not declared as alpha."""
        return [number for number, colour in enumerate(self.colours, start=1) if colour != ColorInterp.alpha.name]


@dataclass(frozen=True)
class ValidityRule:
    """How the valid pixels of one file are told, for the bands that are read of it.

    A pixel is valid where the mask or the alpha band says so, if one of them counts; where not all integer bands
    that have a nodata value hold it (black in one of several is a colour); and where no floating-point band is
    nodata or not finite.

    Attributes:
        bands: Numbers of the bands that are read, from 1, in the wanted order.
        dtypes: Their types.
        nodata: The value that means no data in each of them; None where none does.
        mask: Whether the file's mask counts.
        alpha: Number of the alpha band that counts, if one does.
        why: What was set aside, in words; empty if nothing was.
        hidden: Whether the file declares an alpha band or a mask that doesn't count.
        palette: The palette whose colours the bands are; None: they are the file's own.
    """

    bands: tuple[int, ...]
    dtypes: tuple[str, ...]
    nodata: tuple[float | None, ...]
    mask: bool
    alpha: int | None
    why: str = ""
    hidden: bool = False
    palette: Palette | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that holds the values of all its bands."""
        return np.dtype(np.result_type(*self.dtypes))

    @property
    def needs_values(self) -> bool:
        """Whether validity depends on the values: on nodata or on numbers that aren't finite."""
        return self.has_nodata or any(np.dtype(dtype).kind == "f" for dtype in self.dtypes)

    @property
    def has_nodata(self) -> bool:
        """Whether a band has a nodata value that counts."""
        return any(value is not None for value in self.nodata)

    @property
    def is_uniform(self) -> bool:
        """Whether all bands have one type and one nodata value, or none has one."""
        return len(set(zip(self.dtypes, map(str, self.nodata), strict=True))) == 1

    @property
    def always(self) -> bool:
        """Whether every pixel is valid, whatever its values."""
        return not (self.mask or self.alpha or self.needs_values)

    def describe(self) -> str:
        """Return what tells the valid pixels, for a fact of a check.

        Example:
            >>> ValidityRule((1, 2), ("uint8", "uint8"), (0.0, 0.0), False, 4).describe()
            'by alpha band 4 and nodata 0'
        """
        parts = ["the mask"] if self.mask else []
        parts += [f"alpha band {self.alpha}"] if self.alpha is not None else []
        if self.has_nodata:
            shown = [(band, value) for band, value in zip(self.bands, self.nodata, strict=True) if value is not None]
            whole = len(shown) == len(self.bands) and len({str(value) for _, value in shown}) == 1
            listed = f"{shown[0][1]:g}" if whole else ", ".join(f"{value:g} in band {band}" for band, value in shown)
            parts.append(f"nodata {listed}")
        told = f"by {' and '.join(parts)}" if parts else "all that are numbers" if self.needs_values else "all"
        return told + (f" ({self.why})" if self.why else "")


def choose_rule(
    facts: BandFacts, bands: Sequence[int], *, valid: str = "auto", nodata: float | None = None
) -> ValidityRule:
    """Return how the valid pixels of a file are told.

    With ``auto``, a mask of the file counts alone, as in GDAL, unless a nodata value is given; else an alpha band that
    isn't read as data, together with nodata; else nodata. Of ``mask``, ``alpha`` and ``nodata`` the named one counts
    alone, where a file has it; with ``all`` none does.

    Args:
        facts: What the file declares.
        bands: Numbers of the bands to read.
        valid: The scene file's ``imagery.valid``.
        nodata: Value that means no data, over what the file declares.

    Example:
        >>> facts = BandFacts(("uint8",) * 4, (None,) * 4, ("red", "green", "blue", "alpha"), True, False)
        >>> choose_rule(facts, [1, 2, 3]).describe(), choose_rule(facts, [1, 4]).describe()
        ('by alpha band 4', 'all (band 4 is declared alpha, but read as data)')
    """
    alpha, mask = facts.alpha, facts.has_mask
    # of a palette it is the number: part of the alpha band by now
    own = nodata is None or facts.palette is not None
    values = [facts.nodatas[band - 1] if own else nodata for band in bands]
    dtypes = tuple(facts.dtypes[band - 1] for band in bands)
    held = tuple(_in_type(value, dtype) for value, dtype in zip(values, dtypes, strict=True))
    none = (None,) * len(held)
    found: tuple[bool, int | None, tuple[float | None, ...]]
    why = ""
    if valid == "auto" and mask and nodata is None:
        found = (True, None, none)
        why = f"alpha band {alpha} is set aside" if alpha is not None and alpha not in bands else ""
    elif valid == "auto":
        found = (False, None if alpha in bands else alpha, held)
        why = f"band {alpha} is declared alpha, but read as data" if alpha in bands else ""
        why = "the mask is set aside, since imagery.nodata is given" if mask and not why else why
    else:
        by_palette = valid == "nodata" and facts.palette is not None and facts.palette.nodata is not None
        by_alpha = valid == "alpha" or by_palette
        found = (valid == "mask" and mask, alpha if by_alpha else None, held if valid == "nodata" else none)
        why = f"imagery.valid is {valid}"
    hidden = (alpha is not None and found[1] is None) or (mask and not found[0])
    return ValidityRule(tuple(bands), dtypes, found[2], found[0], found[1], why, hidden, facts.palette)


def check_validity(valid: str, nodata: float | None, files: Sequence[BandFacts], where: str) -> None:
    """Check that what is to tell the valid pixels is there.

    Args:
        valid: ``imagery.valid``.
        nodata: The nodata value given beside it.
        files: What the images declare.
        where: The scene file, for errors.

    Raises:
        LulcsegError: No image has it, or a nodata value is given that wouldn't count or that none of them can hold.
    """
    if nodata is not None and valid in {"mask", "alpha", "all"}:
        raise LulcsegError(
            f"imagery.nodata is given, but doesn't count with imagery.valid {valid}",
            where=where,
            remedy="leave one of them out",
        )
    dtypes = sorted({dtype for f in files for dtype in f.dtypes})
    if nodata is not None and all(_in_type(nodata, dtype) is None for dtype in dtypes):
        raise LulcsegError(
            f"imagery.nodata {nodata:g} is no value of {' or '.join(dtypes)}",
            where=where,
            remedy="give a value that the images can hold, or leave it out",
        )
    declared = {
        "mask": any(f.has_mask for f in files),
        "alpha": any(f.alpha is not None for f in files),
        "nodata": nodata is not None or any(value is not None for f in files for value in f.all_nodata),
    }
    if not declared.get(valid, True):
        what = {"mask": "a mask", "alpha": "a band declared as alpha", "nodata": "a nodata value"}[valid]
        listed = ", ".join(name for name, there in declared.items() if there) or "neither mask, alpha nor nodata"
        raise LulcsegError(
            f"imagery.valid is {valid}, but no image has {what}", where=where, remedy=f"they declare {listed}"
        )


def _palette_band(colours: Sequence[str]) -> int | None:
    """Return the number of the band of a palette, if it is the only one beside alpha."""
    bands = [number for number, colour in enumerate(colours, start=1) if colour != ColorInterp.alpha.name]
    return bands[0] if len(bands) == 1 and colours[bands[0] - 1] == ColorInterp.palette.name else None


def _in_type(nodata: float | None, dtype: str) -> float | None:
    """Return a nodata value, None if no value of a type can be equal to it."""
    kind = np.dtype(dtype)
    if nodata is not None and kind.kind in "iu":
        limits = np.iinfo(kind)
        return nodata if limits.min <= nodata <= limits.max and float(nodata).is_integer() else None
    return nodata
