"""Assessing two files that somebody hands over: ``lulcseg assess map.tif points.gpkg``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.class_sources import NO_MAP_DATA, OFF_MAP
from lulcseg.assessment.design_based import DesignRequest, with_design, with_design_if_possible
from lulcseg.assessment.pixels import NO_REFERENCE, PolygonReader, assess_pixels
from lulcseg.assessment.score_points import assess
from lulcseg.assessment.scores import score
from lulcseg.assessment.sides import Side
from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE, LandClass, Legend
from lulcseg.maps.classraster import ClassRaster
from lulcseg.scene.labels import LabelReader
from lulcseg.scene.points import NO_CLASS

OFF_REFERENCE = "off the reference"

_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999", "#000000")
"""Okabe and Ito's colour-blind-safe set, for legends that nobody gave colours."""


def assess_files(
    reference: Path,
    mapped: Path,
    *,
    reference_column: str | None = None,
    mapped_column: str | None = None,
    legend: Legend | None = None,
    request: DesignRequest | None = None,
    stratum_column: str | None = None,
) -> Assessment:
    """Compare a map with a reference, each of them points, polygons or a class raster.

    Where one of the two is points, the other's class is looked up there. Else they are compared on
    every pixel of the raster (the map's pixels, if both are rasters).

    Args:
        reference: The reference.
        mapped: The map.
        reference_column: Column of the reference's class; default: the one plainly meant.
        mapped_column: The same for the map, where it is a vector file.
        legend: The classes; default: the legend a map of ours carries, else the classes that occur.
            Two maps of ours are each read with their own, and compared by the names of the classes.
        request: How the reference points were drawn; default what their file says of itself. What that allows to be
            said of the whole map, a class raster, is then in ``design_based``.
        stratum_column: Column of the points' stratum; default ``stratum``, where there is one.

    Returns:
        The assessment; its ``notes`` say what was warped or resampled.

    Raises:
        LulcsegError: A file is missing, unreadable, has no CRS, no class column or classes that
            the legend lacks; two maps carry other class names; the two can't be compared; or they
            don't meet on the ground; or a design is asked for that the points don't fit.
    """
    ref, shown = Side(reference, reference_column), Side(mapped, mapped_column)
    if not (ref.is_points or shown.is_points or ref.is_raster or shown.is_raster):
        raise LulcsegError(
            "two polygon files share no places to compare", where=mapped, remedy="give points or a raster on one side"
        )
    if ref.is_points and shown.is_points:
        raise LulcsegError(
            "both files hold points", where=mapped, remedy="give a map or polygons to look the classes up in"
        )
    carried = None if legend else shown.carried_legend() or ref.carried_legend()
    classes = legend or carried or _found_legend(ref, shown)
    if request is not None and not (ref.is_points and shown.is_raster):
        raise LulcsegError(
            "a sampling design is of reference points on a class raster, and these are others",
            where=reference,
            remedy="leave the design out",
        )
    if ref.is_points or shown.is_points:
        result = _at_points(ref, shown, classes, stratum_column)
    else:
        theirs = classes if carried is None else _in_order_of(carried, shown, ref)
        result = _on_pixels(ref, shown, classes, theirs)
    if result.scores.n_scored == 0:
        reasons = ", ".join(f"{count} {reason}" for reason, count in result.excluded.items())
        place = "point lies on the map" if result.places == "points" else "pixel has a class on both sides"
        raise LulcsegError(f"no {place} of {mapped.name} ({reasons})", where=reference, remedy=_remedy(result.excluded))
    if not (ref.is_points and shown.is_raster):
        return result
    assert ref.features is not None
    if request is None:
        return with_design_if_possible(result, DesignRequest(), mapped, reference, ref.features.geometry)
    return with_design(result, request, mapped, reference, ref.features.geometry)


def _remedy(excluded: Mapping[str, int]) -> str:
    return "fill the column of the class in" if set(excluded) == {NO_CLASS} else "check place and CRS"


def _at_points(ref: Side, shown: Side, legend: Legend, stratum: str | None) -> Assessment:
    """Look one side up at the other's points; rows of the matrix stay the reference."""
    points, looked_up = (ref, shown) if ref.is_points else (shown, ref)
    result = assess(
        points.indexed(legend, stratum if points is ref else None),
        looked_up.source(legend),
        legend,
        scene=shown.path.stem,
        compared="map" if looked_up.is_raster else "labels",
        reference=points.path,
    )
    result = replace(result, notes=points.differs_from(looked_up))
    return result if points is ref else _swapped(result)


def _swapped(result: Assessment) -> Assessment:
    """Exchange the sides, where the points are the map's classes and not the reference's."""
    confusion = result.confusion.T.copy()
    renamed = {OFF_MAP: OFF_REFERENCE, NO_MAP_DATA: NO_REFERENCE}
    table = None
    if result.points is not None:
        table = result.points.rename(columns={"reference": "map", "map": "reference"})
        table["excluded"] = table["excluded"].replace(renamed)
    return replace(
        result,
        compared="map",
        source=result.reference,
        reference=result.source,
        confusion=confusion,
        scores=score(confusion),
        excluded={renamed.get(reason, reason): count for reason, count in result.excluded.items()},
        unmapped=(0,) * len(result.legend),
        points=table,
    )


def _on_pixels(ref: Side, shown: Side, legend: Legend, reference_legend: Legend) -> Assessment:
    """Compare the sides on a raster's pixels.

    Args:
        ref: The reference.
        shown: The map.
        legend: The classes.
        reference_legend: The same classes in the same order, with the codes of the reference's raster.
    """
    base, other = (shown, ref) if shown.is_raster else (ref, shown)
    with ExitStack() as stack:
        pixels = stack.enter_context(ClassRaster(base.path, legend if base is shown else reference_legend))
        second: LabelReader
        if other.is_raster:
            second = stack.enter_context(ClassRaster(other.path, reference_legend, on=pixels.grid))
        else:
            polygons = other.indexed(legend).to_crs(pixels.crs)
            second = PolygonReader(polygons[polygons["class_index"] >= 0], pixels.grid)
        result = assess_pixels(
            second if base is shown else pixels,
            pixels if base is shown else second,
            pixels.grid,
            legend,
            scene=shown.path.stem,
            source=shown.path,
            reference_path=ref.path,
        )
    return replace(result, notes=other.differs_from(base))


def _in_order_of(legend: Legend, shown: Side, ref: Side) -> Legend:
    """Return the legend that the reference's raster carries, in another's order of names.

    Args:
        legend: The legend whose order counts.
        shown: The map, which carries it if the reference carries another.
        ref: The reference; where it carries none, it is taken to have the map's codes.

    Raises:
        LulcsegError: The reference carries other class names.
    """
    own = ref.carried_legend() or legend
    if set(own.names) != set(legend.names):
        only = [", ".join(n for n in a.names if n not in b.names) or "none" for a, b in ((own, legend), (legend, own))]
        raise LulcsegError(
            f"its classes are not those of {shown.path.name} (only here: {only[0]}; only there: {only[1]})",
            where=ref.path,
            remedy="compare maps of one legend",
        )
    return Legend(tuple(own.classes[own.index(name)] for name in legend.names))


def _found_legend(ref: Side, shown: Side) -> Legend:
    """Make a legend of the classes that occur: codes as they are, or names in alphabetical order."""
    found = sorted(set(ref.classes()) | set(shown.classes()))
    codes = [text for text in found if text.isdecimal() and int(text) < IGNORE]
    if len(codes) == len(found):
        return _coloured([(int(c), f"class {c}") for c in sorted(codes, key=int)])
    if ref.is_raster or shown.is_raster:
        raster, named = (ref, shown) if ref.is_raster else (shown, ref)
        raise LulcsegError(
            f"carries no legend, and {named.path.name} names its classes ({', '.join(named.classes()[:4])}, …)",
            where=raster.path,
            remedy="give a legend that says which code is which class",
        )
    return _coloured(list(enumerate(found)))


def _coloured(classes: list[tuple[int, str]]) -> Legend:
    return Legend(tuple(LandClass(code, name, _COLOURS[i % len(_COLOURS)]) for i, (code, name) in enumerate(classes)))
