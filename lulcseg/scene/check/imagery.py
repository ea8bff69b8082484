"""The check of the imagery: tiles, gaps, nodata."""

from __future__ import annotations

from collections import Counter

import numpy as np
import shapely
from rich.progress import track

from lulcseg.grid import Window, blocks
from lulcseg.scene.check.findings import Findings, hectares, several, share
from lulcseg.scene.scene import Scene

_BLOCK = 512
_MOST_BLOCKS = 400


def check_imagery(scene: Scene) -> Findings:
    """Look at the imagery's headers and at the validity of its pixels."""
    grid, files = scene.grid, scene.image_files
    bounds = grid.bounds()
    out = Findings("Imagery")
    out.facts = {
        "files": several(len(files), "file"),
        "CRS": grid.crs if len(grid.crs) < 60 else grid.crs[:57] + "…",
        "pixel size": f"{grid.xres:g} × {grid.yres:g} m",
        "size": f"{grid.height:,} rows × {grid.width:,} columns",
        "extent": f"x {bounds.left:,.1f} … {bounds.right:,.1f}, y {bounds.bottom:,.1f} … {bounds.top:,.1f}",
        "area": hectares(scene.ground.area),
        "bands": f"{scene.bands} of {scene.dtype} (in the files: {_listed(scene.imagery.rasters.band_numbers)})",
    }
    valid, read, whole = _valid_share(scene)
    extent = "all pixels read" if whole else f"{read:,} pixels read, evenly spread"
    out.facts["without imagery"] = f"{share(1 - valid, 1)} of the grid ({extent})"
    out.remarks += _disagreements(scene)
    if valid < 0.5:
        out.remarks.append("More than half of the grid holds no imagery; the map will be nodata there.")
    covered = shapely.union_all([shapely.box(*f.grid.bounds()) for f in files if f.grid.crs == grid.crs])
    gaps = [g for g in shapely.get_parts(shapely.difference(covered.envelope, covered)) if g.area > grid.pixel_area]
    if len(files) > 1 and gaps:
        out.remarks.append(
            f"The images leave {several(len(gaps), 'gap')} of {hectares(sum(g.area for g in gaps))} in all."
        )
    return out


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def _disagreements(scene: Scene) -> list[str]:
    """Say which images differ from the first in CRS, pixel size, bands or place on the grid."""
    files = scene.image_files
    remarks = []
    for what, values in (
        ("CRS", [f.grid.crs for f in files]),
        ("bands", [f.bands for f in files]),
        ("type", [f.dtype for f in files]),
        ("pixel size", [f"{f.grid.xres:.6g} × {f.grid.yres:.6g}" for f in files]),
    ):
        counts = Counter(values)
        if len(counts) > 1:
            listed = "; ".join(f"{several(n, 'image')} with {v}" for v, n in counts.most_common(4))
            remarks.append(f"Images disagree in {what}: {listed}.")
    warped = scene.imagery.rasters.warped
    if warped:
        remarks.append(
            f"{several(len(warped), 'image')} off the scene's grid will be warped on the fly (cubic): "
            f"{', '.join(p.name for p in warped[:3])}{' …' if len(warped) > 3 else ''}."
        )
    if abs(scene.grid.xres / scene.grid.yres - 1) > 1e-6:
        remarks.append("Pixels are not square; set resolution: to make them so.")
    return remarks


def _valid_share(scene: Scene) -> tuple[float, int, bool]:
    """Return the valid share, how many pixels it was read from, and whether those were all."""
    grid = scene.grid
    windows = list(blocks(grid.window, _BLOCK, _BLOCK)) if grid.height * grid.width < 4e9 else []
    whole = bool(windows) and len(windows) <= _MOST_BLOCKS
    if not whole:
        side = int(np.sqrt(_MOST_BLOCKS))
        rows = np.linspace(0, max(0, grid.height - _BLOCK), side).astype(int)
        cols = np.linspace(0, max(0, grid.width - _BLOCK), side).astype(int)
        windows = [Window(int(r), int(c), _BLOCK, _BLOCK).intersection(grid.window) for r in rows for c in cols]
    valid = pixels = 0
    for window in track(windows, "Reading imagery", transient=True):
        mask = scene.imagery.read(window)[1]
        valid, pixels = valid + int(mask.sum()), pixels + mask.size
    return valid / pixels, pixels, whole
