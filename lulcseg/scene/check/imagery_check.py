"""The check of the imagery: tiles, gaps, nodata."""

from __future__ import annotations

from collections import Counter
from typing import Any

import shapely
from pyproj import CRS

from lulcseg.scene.band_validity import BandFacts
from lulcseg.scene.check.fetching_check import describe_fetching
from lulcseg.scene.check.findings import Findings
from lulcseg.scene.check.pixel_survey import PixelSurvey
from lulcseg.scene.check.sources_check import describe_missing, describe_sources, valid_by
from lulcseg.scene.format_quantities import format_area, format_count, format_share
from lulcseg.scene.ground_area import describe_stretch, ground_areas
from lulcseg.scene.imagery_sources import by_colours
from lulcseg.scene.mosaic_files import describe_types
from lulcseg.scene.raster_headers import same_crs
from lulcseg.scene.rasters import RasterSet
from lulcseg.scene.scene import Scene


def check_imagery(scene: Scene, survey: PixelSurvey | None = None) -> Findings:
    """Check the imagery's headers and the validity of its pixels.

    Args:
        scene: The scene.
        survey: Reads the pixels; None: one that reads them all, or of large mosaics a sample.
    """
    survey = survey or PixelSurvey(scene.imagery)
    grid, files = scene.grid, scene.image_files
    bounds = grid.bounds()
    out = Findings("Imagery")
    out.facts = {
        "files": format_count(len(files), "file"),
        "CRS": grid.crs if len(grid.crs) < 60 else grid.crs[:57] + "…",
        "pixel size": f"{grid.xres:g} × {grid.yres:g} m",
        "size": f"{grid.height:,} rows × {grid.width:,} columns",
        "extent": f"x {bounds.left:,.1f} … {bounds.right:,.1f}, y {bounds.bottom:,.1f} … {bounds.top:,.1f}",
        "area": format_area(scene.ground_area),
        "bands": f"{scene.bands} of {scene.dtype} ({_bands(scene)})",
        "bands in the first file": _in_file(files[0].facts),
        "valid pixels": _valid_by(scene),
    }
    with out.noting_faults():
        fetched, remarks = describe_fetching(scene)
        out.facts |= fetched
        out.remarks += remarks
    specs = scene.file.sources or (scene.spec.imagery,)
    for (name, source), spec in zip(scene.imagery.rasters.parts, specs, strict=True):
        out.remarks += _disagreements(name, source)
        out.remarks += _paletted(source) if by_colours(spec) else []
    out.remarks += _of_the_grid(scene)
    with out.noting_faults():
        survey.read()
        _look_at_pixels(scene, survey, out)
    footprints = [shapely.box(*grid.bounds(w)) for w in scene.imagery.rasters.footprints]
    covered = shapely.union_all(footprints)
    frame = covered.envelope if scene.boundary is None else covered.envelope.intersection(scene.boundary)
    gaps = [g for g in shapely.get_parts(shapely.difference(frame, covered)) if g.area > grid.pixel_area]
    if len(files) > 1 and gaps:
        area = format_area(float(ground_areas(gaps, grid).sum()))
        out.remarks.append(f"The images leave {format_count(len(gaps), 'gap')}, {area} in total.")
    return out


def _in_file(facts: BandFacts) -> str:
    """Return a file's bands with their colours."""
    numbered = _listed([f"{n} {c}" for n, c in enumerate(facts.colours, start=1)])
    return f"{numbered}: the colours of its palette" if facts.palette is not None else numbered


def _listed(items: list[Any]) -> str:
    return ", ".join(map(str, items))


def _bands(scene: Scene) -> str:
    """Return the bands' names, or their numbers in the files of a source without a name."""
    if scene.band_table is not None:
        return _listed([band.name for band in scene.band_table])
    return f"in the files: {_listed(_labels(scene))}"


def _labels(scene: Scene) -> list[Any]:
    """Return a name or number for each band."""
    if scene.band_table is not None:
        return [band.name for band in scene.band_table]
    return [number for _, source in scene.imagery.rasters.parts for number in source.band_numbers]


def _valid_by(scene: Scene) -> str:
    """Return what tells the valid pixels; of several sources, that all required ones do."""
    parts = scene.imagery.rasters.parts
    if len(parts) == 1:
        return valid_by(parts[0][1])
    required = [source.name for source in scene.file.sources if source.required]
    return f"where {' and '.join(required)} {'are' if len(required) > 1 else 'is'}"


def _look_at_pixels(scene: Scene, survey: PixelSurvey, out: Findings) -> None:
    """Report how much of the grid has imagery, and which bands have a single value."""
    valid, pixels = survey.valid, survey.pixels
    out.facts["without imagery"] = f"{format_share(pixels - valid, pixels)} of the grid ({survey.extent})"
    if valid < 0.5 * pixels:
        out.remarks.append("More than half of the grid has no imagery; the map will be nodata there.")
    out.facts |= describe_sources(scene, survey)
    out.remarks += describe_missing(scene, survey)
    numbered = list(zip(_labels(scene), survey.ranges, strict=True))
    if valid:
        out.facts["values"] = "; ".join(f"band {number}: {r.low:g} … {r.high:g}" for number, r in numbered)
    for number, found in numbered:
        if found.low == found.high:
            out.remarks.append(f"Band {number} is {found.low:g} wherever it was read: it carries no information.")
    filled = [(number, found) for number, found in numbered if found.fill is not None]
    if filled:
        number, first = filled[0]
        bands = f"band {number}" if len(filled) == 1 else f"bands {_listed([n for n, _ in filled])}"
        out.remarks.append(
            f"{first.pixels:,} pixels of {bands} hold {first.fill:g}, which looks like no data, but nothing declares "
            f"it: training would take it for brightness. Set imagery.nodata: {first.fill!r}."
        )


def _alike(crs: str, first: str) -> str:
    """Return a CRS's name, that of the first image if it is the same."""
    crs = first if same_crs(crs, first) else crs
    return crs if len(crs) < 40 else CRS.from_user_input(crs).name


def _disagreements(name: str, source: RasterSet) -> list[str]:
    """Report which images of a source differ from its first in CRS, pixel size, bands or type."""
    files, of_source = source.files, f" of {name}" if name else ""
    remarks = []
    for what, values in (
        ("CRS", [_alike(f.grid.crs, files[0].grid.crs) for f in files]),
        ("bands", [f.bands for f in files]),
        ("type", [describe_types(f, range(1, f.bands + 1)) for f in files]),
        ("pixel size", [f"{f.grid.xres:.6g} × {f.grid.yres:.6g}" for f in files]),
    ):
        counts = Counter(values)
        if len(counts) > 1:
            listed = "; ".join(f"{format_count(n, 'image')} with {v}" for v, n in counts.most_common(4))
            remarks.append(f"Images{of_source} disagree in {what}: {listed}.")
    if source.warped:
        warped, how = source.warped, source.resampling.name
        remarks.append(
            f"{format_count(len(warped), 'image')}{of_source} off the scene's grid will be warped on the fly ({how}): "
            f"{', '.join(p.name for p in warped[:3])}{' …' if len(warped) > 3 else ''}."
        )
    return remarks


def _paletted(source: RasterSet) -> list[str]:
    """Report images with a palette that can't be read as its colours: it isn't their only band."""
    paletted = [f.path.name for f in source.files if "palette" in f.facts.colours]
    if not paletted:
        return []
    return [
        f"{format_count(len(paletted), 'image holds', 'images hold')} numbers of a palette beside other bands, which "
        f"are taken for brightness: {', '.join(paletted[:3])}{' …' if len(paletted) > 3 else ''}. Expand it to colours "
        "first (gdal_translate -b 1 -expand rgb)."
    ]


def _of_the_grid(scene: Scene) -> list[str]:
    """Report pixels that aren't square, and a projection that stretches areas."""
    remarks = []
    stretched = describe_stretch(scene.grid)
    if stretched is not None:
        remarks.append(stretched)
    if abs(scene.grid.xres / scene.grid.yres - 1) > 1e-6:
        remarks.append("Pixels are not square; set resolution: for square ones.")
    return remarks
