"""Assessing a map file against a reference file: ``lulcseg assess map.tif points.gpkg``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import geopandas as gpd

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.class_sources import NO_MAP_DATA, OFF_MAP
from lulcseg.assessment.compared_file import ComparedFile
from lulcseg.assessment.design_based import DesignRequest, with_design, with_design_if_possible
from lulcseg.assessment.pixels import NO_REFERENCE, PolygonReader, assess_pixels
from lulcseg.assessment.probability_points import PointProbabilities, probabilities_beside
from lulcseg.assessment.score_points import assess
from lulcseg.assessment.scores import score
from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE, LandClass, Legend
from lulcseg.maps.classraster import ClassRaster
from lulcseg.scene.file_names import FileName
from lulcseg.scene.labels import LabelReader
from lulcseg.scene.points import NO_CLASS
from lulcseg.scene.vectors import plain_code

OFF_REFERENCE = "off the reference"

_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999", "#000000")
"""Okabe and Ito's colour-blind-safe set, for legends without colours."""


def assess_files(
    reference: FileName,
    mapped: FileName,
    *,
    reference_column: str | None = None,
    mapped_column: str | None = None,
    reference_layer: str | None = None,
    mapped_layer: str | None = None,
    reference_crs: str | None = None,
    mapped_crs: str | None = None,
    legend: Legend | None = None,
    request: DesignRequest | None = None,
    stratum_column: str | None = None,
    probabilities: FileName | None = None,
) -> Assessment:
    """Compare a map with a reference, each of them points, polygons or a class raster.

    If one of the two is points, the other's class is looked up there. Otherwise they are compared on
    every pixel of the raster (the map's pixels, if both are rasters).

    Args:
        reference: The reference.
        mapped: The map.
        reference_column: Column of the reference's class; default: the only candidate.
        mapped_column: The same for the map, if it is a vector file.
        reference_layer: Layer of the reference, if it is a vector file; None: the only one with geometries.
        mapped_layer: The same for the map.
        reference_crs: CRS of the reference, if it is a vector file that states none (CSV).
        mapped_crs: The same for the map.
        legend: The classes; default: the legend stored in a map by lulcseg, else the classes that occur.
            Two maps by lulcseg are each read with their own, and compared by class names.
        request: How the reference points were drawn; default: as recorded in their file. Estimates for the whole
            map, a class raster, are then in ``design_based``.
        stratum_column: Column of the points' stratum; default: ``stratum``, if present.
        probabilities: The map's class probabilities, scored at reference points too; default: the file that
            lulcseg writes beside the map, if it is there and of this map.

    Returns:
        The assessment; its ``notes`` say what was warped or resampled.

    Raises:
        LulcsegError: A file is missing, unreadable, has no CRS, no class column or classes that
            the legend lacks; two maps have different class names; the two can't be compared or
            don't overlap; or a design is requested that the points don't fit.
    """
    ref, shown = (
        ComparedFile(reference, reference_column, reference_layer, reference_crs),
        ComparedFile(mapped, mapped_column, mapped_layer, mapped_crs),
    )
    if not (ref.is_points or shown.is_points or ref.is_raster or shown.is_raster):
        raise LulcsegError(
            "two polygon files share no places to compare", where=mapped, remedy="give points or a raster on one side"
        )
    if ref.is_points and shown.is_points:
        raise LulcsegError(
            "both files hold points", where=mapped, remedy="give a map or polygons to look the classes up in"
        )
    carried = None if legend else shown.carried_legend() or ref.carried_legend()
    inferred = not legend and carried is None
    classes = legend or carried or _found_legend(ref, shown)
    if probabilities is not None and not (ref.is_points and shown.is_raster):
        raise LulcsegError(
            "probabilities are scored at reference points on a class raster, which these files are not",
            where=probabilities,
            remedy="leave them out",
        )
    if request is not None and not (ref.is_points and shown.is_raster):
        raise LulcsegError(
            "a sampling design applies to reference points on a class raster, which these files are not",
            where=reference,
            remedy="leave out the design",
        )
    if ref.is_points or shown.is_points:
        result = _at_points(ref, shown, classes, stratum_column)
    else:
        theirs = classes if carried is None else _in_order_of(carried, shown, ref)
        result = _on_pixels(ref, shown, classes, theirs)
    if inferred:
        result = replace(result, notes=(*result.notes, *_one_sided(ref, shown)))
    if result.scores.n_scored == 0:
        reasons = ", ".join(f"{count} {reason}" for reason, count in result.excluded.items())
        place = "point lies on the map" if result.places == "points" else "pixel has a class on both sides"
        raise LulcsegError(f"no {place} of {mapped.name} ({reasons})", where=reference, remedy=_remedy(result.excluded))
    if not (ref.is_points and shown.is_raster):
        return result
    assert ref.features is not None
    places = ref.features.geometry
    result, shares = _with_shares(result, probabilities, mapped, places)
    if request is None:
        return with_design_if_possible(result, DesignRequest(), mapped, reference, places, probabilities=shares)
    return with_design(result, request, mapped, reference, places, probabilities=shares)


def _with_shares(
    result: Assessment, asked: FileName | None, mapped: FileName, places: gpd.GeoSeries
) -> tuple[Assessment, PointProbabilities | None]:
    """Read the probabilities at the points; a file that wasn't asked for and doesn't fit is left out, with a note."""
    beside = probabilities_beside(mapped) if isinstance(mapped, Path) else None
    path = asked or (beside if beside is not None and beside.is_file() else None)
    if path is None:
        return result, None
    try:
        return result, PointProbabilities.read(path, mapped, result, places)
    except LulcsegError as error:
        if asked is not None:
            raise
        return replace(result, notes=(*result.notes, f"The probabilities were left out: {error}")), None


def _remedy(excluded: Mapping[str, int]) -> str:
    return "fill in the column of the class" if set(excluded) == {NO_CLASS} else "check location and CRS"


def _at_points(ref: ComparedFile, shown: ComparedFile, legend: Legend, stratum: str | None) -> Assessment:
    """Look up one file at the other's points; rows of the matrix remain the reference."""
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
    """Exchange the files, if the points have the map's classes and not the reference's."""
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


def _on_pixels(ref: ComparedFile, shown: ComparedFile, legend: Legend, reference_legend: Legend) -> Assessment:
    """Compare the files on a raster's pixels.

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


def _in_order_of(legend: Legend, shown: ComparedFile, ref: ComparedFile) -> Legend:
    """Return the legend stored in the reference's raster, in the order of another legend's names.

    Args:
        legend: The legend that gives the order.
        shown: The map, which it is stored in if the reference has another.
        ref: The reference; without a legend of its own, it is assumed to have the map's codes.

    Raises:
        LulcsegError: The reference has other class names.
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


def _found_legend(ref: ComparedFile, shown: ComparedFile) -> Legend:
    """Return a legend of the classes that occur: codes as they are, or names in alphabetical order."""
    held = {file.path: file.classes() for file in (ref, shown)}
    found = sorted({plain_code(text) for texts in held.values() for text in texts})
    for path, texts in held.items():
        beyond = [text for text in texts if text.isdecimal() and int(text) >= IGNORE]
        if beyond and all(text.isdecimal() for text in found):
            raise LulcsegError(
                f"holds code {', '.join(beyond[:5])}, but codes are 0…254",
                where=path,
                remedy="recode its classes, and those of the other file alike",
            )
    codes = [text for text in found if text.isdecimal() and int(text) < IGNORE]
    if len(codes) == len(found):
        return _coloured([(int(c), f"class {c}") for c in sorted(codes, key=int)])
    if ref.is_raster or shown.is_raster:
        raster, named = (ref, shown) if ref.is_raster else (shown, ref)
        raise LulcsegError(
            f"has no legend, and {named.path.name} names its classes ({', '.join(named.classes()[:4])}, …)",
            where=raster.path,
            remedy="give a legend that says which code is which class",
        )
    coded = [file for file in (ref, shown) if file.classes() and all(text.isdecimal() for text in file.classes())]
    if coded:
        (named,) = (file for file in (ref, shown) if file is not coded[0])
        raise LulcsegError(
            f"holds codes ({_listed(coded[0].classes())}), and {named.path.name} names its classes "
            f"({_listed(named.classes())})",
            where=coded[0].path,
            remedy="give a legend that says which code is which class",
        )
    if not set(map(plain_code, ref.classes())) & set(map(plain_code, shown.classes())):
        raise LulcsegError(
            f"has no class ({_listed(ref.classes())}) that {shown.path.name} has ({_listed(shown.classes())})",
            where=ref.path,
            remedy="name the classes alike, or name the columns that hold them",
        )
    return _coloured(list(enumerate(found)))


def _listed(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def _one_sided(ref: ComparedFile, shown: ComparedFile) -> list[str]:
    """Return a note where the reference has a class that the map lacks, and no legend says which there are."""
    theirs, ours = set(map(plain_code, ref.classes())), set(map(plain_code, shown.classes()))
    if not theirs - ours:  # a map may have classes of which no reference was drawn
        return []
    only = [
        f"{_listed(sorted(names), 8)} in {file.path.name}"
        for file, names in ((ref, theirs - ours), (shown, ours - theirs))
        if names
    ]
    return [f"Classes of one file alone: {'; '.join(only)}. Misspelt ones count as classes of their own."]


def _coloured(classes: list[tuple[int, str]]) -> Legend:
    return Legend(tuple(LandClass(code, name, _COLOURS[i % len(_COLOURS)]) for i, (code, name) in enumerate(classes)))
