"""From names in the configuration to an augmentation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, get_type_hints

from lulcseg.augment.augmentation import Augmentation
from lulcseg.augment.catalogue import operations
from lulcseg.augment.operation import Operation
from lulcseg.augment.optical_bands import OpticalBands
from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.settings.presets import load_preset, preset_names

Strengths = Mapping[str, Mapping[str, float]]


def build(
    preset: str,
    bands: int,
    *,
    p: Mapping[str, float] | None = None,
    strength: float = 1.0,
    most: int | None = None,
    strengths: Strengths | None = None,
    crop: int | None = None,
    optical: Sequence[int] | None = None,
) -> Augmentation:
    """Build an augmentation from a preset and changes to it.

    Args:
        preset: A file of ``conf/augment/``: ``none``, ``geometry``, ``light`` or ``paper``.
        bands: Bands of the imagery. Operations of a preset that need another number (hue) are left out, unless ``p``
            changes their probability.
        p: Operation → probability, in place of the preset's; 0 switches it off.
        strength: Factor on all strengths; 0: nothing changes.
        most: Most operations on values that act on a patch; None: all that are drawn.
        strengths: Operation → its own strengths by name.
        crop: Width and height of the result, in pixels, for patches read with a margin.
        optical: Places of the bands that operations on values act on, and whose number counts for what an operation
            needs; None: all bands.

    Raises:
        LulcsegError: An unknown name, a value out of bounds, or an operation that needs another number of bands.
    """
    known_presets = preset_names("augment")
    if preset not in known_presets:
        remedy = did_you_mean(preset, known_presets)
        raise LulcsegError(f"augment={preset} is not known", where="augment", remedy=remedy)
    stated = load_preset("augment", preset)
    if not 0 <= strength < math.inf:  # so that NaN is refused too
        raise LulcsegError(
            f"augment.strength={strength:g} is not a number of 0 or more", where="augment", remedy="0 changes nothing"
        )
    known, asked, own = operations(), dict(p or {}), dict(strengths or {})
    for key, names in (("p", asked), ("strengths", own)):
        for name in names:
            if name not in known:
                raise LulcsegError(
                    f"'{name}' is not an augmentation", where=f"augment.{key}", remedy=did_you_mean(name, known)
                )
    shares = {name: float(share) for name, share in stated.get("p", {}).items()}
    if shares.keys() <= asked.keys():  # the preset written out in full, as composed settings hold it
        asked = {name: share for name, share in asked.items() if share != shares.get(name)}
    shown = OpticalBands(optical, bands)
    fitting = {name: share for name, share in shares.items() if known[name].bands in (None, shown.count)}
    probability = {**fitting, **asked}
    _check(probability, shown.count)
    preset_strengths = stated.get("strengths", {})
    made = [
        configured(name, {**preset_strengths.get(name, {}), **own.get(name, {})})
        for name, share in probability.items()
        if share > 0
    ]
    return Augmentation(made, probability, strength=strength, most=most, crop=crop, optical=shown)


def configured(name: str, strengths: Mapping[str, Any]) -> Operation:
    """Make an operation with some of its strengths changed.

    Raises:
        LulcsegError: An unknown strength, one that isn't a number above 0, or a fraction for a count.
    """
    kind = operations()[name]
    known, types = {f.name: f for f in fields(kind)}, get_type_hints(kind)
    for key, value in strengths.items():
        where = f"augment.strengths.{name}"
        if key not in known:
            raise LulcsegError(f"{name} has no '{key}'", where=where, remedy=did_you_mean(key, known))
        about = known[key].metadata["about"]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise LulcsegError(f"{key}={value} is not a number above 0", where=where, remedy=about)
        if types[key] is int and not isinstance(value, int):
            raise LulcsegError(f"{key}={value} is not a whole number", where=where, remedy=about)
    return kind(**strengths)


def _check(probability: Mapping[str, float], bands: int) -> None:
    """Refuse values that aren't probabilities, and operations that need another number of bands."""
    known = operations()
    for name, share in probability.items():
        if not 0 <= share <= 1:
            raise LulcsegError(f"augment.p.{name}={share:g} is not a probability", where="augment", remedy="use 0 to 1")
        if share > 0 and known[name].bands not in (None, bands):
            raise LulcsegError(
                f"{name} needs {known[name].bands} bands and the imagery has {bands}",
                where=f"augment.p.{name}",
                remedy="set it to 0",
            )
    weather = sum(share for name, share in probability.items() if known[name].group == "weather")
    if weather > 1 + 1e-9:
        names = ", ".join(n for n in probability if known[n].group == "weather")
        raise LulcsegError(
            f"the probabilities of {names} add up to {weather:g}, and a sample gets at most one of them",
            where="augment.p",
            remedy="lower their sum to 1",
        )
