"""The sampling plan: the patches of ground that a model is trained on, as data."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.sampling import plan_file
from lulcseg.sampling.patch_extents import boxes
from lulcseg.sampling.plan_counts import count_patches

TRAIN = "train"
VALIDATION = "validation"
"""Values of ``split``."""

COLUMNS = ("scene", "row", "col", "size", "class_index", "feature", "shifted", "valid", "split", "geometry")


def patch_rows(
    scene: str,
    grid: Grid,
    row: NDArray[np.int64],
    col: NDArray[np.int64],
    size: int,
    *,
    class_index: ArrayLike = -1,
    feature: ArrayLike = -1,
    shifted: ArrayLike = False,
    valid: ArrayLike = np.nan,
    split: ArrayLike = TRAIN,
) -> gpd.GeoDataFrame:
    """Return a plan's rows for the patches of one scene.

    Args:
        scene: The scene's name.
        grid: Its grid.
        row: First rows, (n,), pixels of the grid.
        col: First columns, (n,), pixels of the grid.
        size: Side of the patches, pixels.
        class_index: Class that each patch was drawn for, (n,) or one number; -1 for none.
        feature: Feature that each patch was drawn in, (n,) or one number; -1 for none.
        shifted: Whether each patch was shifted to stay inside the grid, (n,) or one value.
        valid: Share of each patch's pixels that are valid, (n,) or one number; NaN if not computed.
        split: 'train' or 'validation', (n,) or one value.

    Returns:
        A GeoDataFrame with :data:`COLUMNS`, in the grid's CRS; its geometry is the patch's extent.
    """
    n = row.size

    def column(values: ArrayLike, dtype: type) -> NDArray[Any]:
        return np.broadcast_to(np.asarray(values, dtype=dtype), n).copy()

    frame = {
        "scene": pd.Series([scene] * n, dtype="str"),
        "row": row.astype(np.int64),
        "col": col.astype(np.int64),
        "size": column(size, np.int64),
        "class_index": column(class_index, np.int64),
        "feature": column(feature, np.int64),
        "shifted": column(shifted, np.bool_),
        "valid": column(valid, np.float64),
        "split": pd.Series(column(split, np.str_), dtype="str"),
    }
    return gpd.GeoDataFrame(frame, geometry=boxes(grid, row, col, size), crs=grid.crs)


def stack_rows(frames: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Concatenate the rows of several scenes; without a common CRS the result has none."""
    crs = frames[0].crs
    if any(f.crs != crs for f in frames):
        crs = None
        frames = [f.set_crs(None, allow_override=True) for f in frames]  # type: ignore[call-overload]
    rows = pd.concat([pd.DataFrame(f) for f in frames], ignore_index=True)
    return gpd.GeoDataFrame(rows, geometry="geometry", crs=crs)


class Saved(NamedTuple):
    """A plan's digest and number of patches when it was saved."""

    digest: str
    patches: int


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """Patches of one or several scenes, and how they were drawn.

    Attributes:
        rows: One row a patch: ``scene`` (str), ``row`` and ``col`` (int64, first pixel in the
            scene's grid), ``size`` (int64, pixels), ``class_index`` (int64, the class drawn for, -1 on
            the systematic grid), ``feature`` (int64, as the scene numbers them, -1 on the grid),
            ``shifted`` (bool), ``valid`` (float64, share of valid pixels, NaN if not computed),
            ``split`` ('train' or 'validation') and ``geometry`` (the extent, in the scene's CRS). If
            scenes differ in CRS the frame as a whole has none: see :meth:`of`.
        meta: Plain Python, fit for JSON: ``method``, ``seed``, ``n_patches`` (requested), ``totals``,
            ``patch_size``, ``margin`` (pixels read around training patches; missing: none),
            ``area_unit`` ("m2"), ``legend`` (names), ``classes`` (per class: name,
            features, area_m2, wanted, drawn), ``dropped``, ``features_left_out``, ``scenes`` (each
            one's grid), ``notes`` (what the user should know, a sentence each), and what the method adds.
    """

    rows: gpd.GeoDataFrame
    meta: dict[str, Any]

    def __len__(self) -> int:
        """Return the number of patches."""
        return len(self.rows)

    @property
    def scenes(self) -> list[str]:
        """Names of the scenes that the plan was drawn over, in order."""
        return list(self.meta["scenes"])

    @property
    def validates(self) -> bool:
        """Whether it has patches to validate on."""
        return bool((self.rows["split"] == VALIDATION).any())

    def grid(self, scene: str) -> Grid:
        """Return the grid that a scene had when the plan was drawn.

        Raises:
            LulcsegError: The plan has no such scene.
        """
        if scene not in self.meta["scenes"]:
            raise LulcsegError(
                f"the plan holds no patches of scene '{scene}'",
                where="plan",
                remedy="it was drawn over: " + ", ".join(self.scenes),
            )
        return Grid(**self.meta["scenes"][scene])

    def of(self, scene: str, split: str | None = None) -> gpd.GeoDataFrame:
        """Return a scene's rows in its own CRS, in the plan's order.

        Args:
            scene: The scene's name.
            split: 'train', 'validation', or None for both.

        Raises:
            LulcsegError: The plan has no such scene.
        """
        crs = self.grid(scene).crs
        keep = self.rows["scene"] == scene
        if split is not None:
            keep &= self.rows["split"] == split
        return self.rows[keep].set_crs(crs, allow_override=True)

    def digest(self) -> str:
        """Return the SHA-256 of the plan's content, as 64 hexadecimal digits.

        It covers, in the order of the rows: scene, pixel and map coordinates, size, class, feature
        and split; and the grids and class names that give them meaning. Two files of one plan may differ in
        bytes and have the same digest.
        """
        rows = self.rows
        names = sorted(rows["scene"].unique())
        frame = {"legend": self.meta["legend"], "scenes": {n: self.meta["scenes"][n] for n in names}}
        digest = hashlib.sha256(b"lulcseg plan 1\n")
        digest.update(json.dumps(frame, sort_keys=True).encode())
        digest.update(pd.Index(names).get_indexer(rows["scene"]).astype("<i8").tobytes())
        for name in ("row", "col", "size", "class_index", "feature"):
            digest.update(rows[name].to_numpy(dtype="<i8").tobytes())
        digest.update((rows["split"] == TRAIN).to_numpy(dtype="<i8").tobytes())
        digest.update((rows.geometry.bounds.to_numpy(dtype="<f8") + 0.0).tobytes())  # + 0.0: no negative zero
        return digest.hexdigest()

    def save(self, path: str | Path, summary: Mapping[str, Any] | None = None) -> None:
        """Write the plan as GeoPackage, and its summary as JSON of the same name beside it.

        One layer, ``plan``, if all scenes share a CRS; else a layer for each scene, with its name.
        Both files are written under temporary names and then renamed.

        Args:
            path: The GeoPackage, ``*.gpkg``.
            summary: Its summary (:func:`lulcseg.sampling.plan_summary.summarise_plan`); None: counts of the patches
                alone.

        Raises:
            LulcsegError: The folder cannot be written to.
        """
        crs = {scene: self.grid(scene).crs for scene in self.scenes}
        if len({CRS.from_user_input(c) for c in set(crs.values())}) == 1:
            layers = {plan_file.LAYER: self.rows}
        else:
            layers = {scene: self.of(scene) for scene in self.scenes if (self.rows["scene"] == scene).any()}
        counts = count_patches(self.rows, self.meta) if summary is None else dict(summary)
        plan_file.write(Path(path), layers, {"digest": self.digest(), "summary": counts, "meta": self.meta})

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read a plan that :meth:`save` wrote.

        Raises:
            LulcsegError: A file is missing or not a plan, or the two do not belong together.
        """
        plan, saved = cls.load_edited(path)
        if plan.digest() != saved.digest:
            raise LulcsegError(
                f"the plan differs from what {plan_file.json_beside(Path(path)).name} says of it",
                where=path,
                remedy="draw the plan again, or restore the pair as it was saved",
            )
        return plan

    @classmethod
    def load_edited(cls, path: str | Path) -> tuple[Plan, Saved]:
        """Read a plan whose rows may have been edited since it was saved, as in QGIS.

        Returns:
            The plan as it is now, and its digest and number of patches when it was saved.

        Raises:
            LulcsegError: A file is missing or is not a plan.
        """
        frames, beside = plan_file.read(Path(path), COLUMNS)
        rows = stack_rows(frames)
        if plan_file.POSITION in rows:
            rows = rows.sort_values(plan_file.POSITION, ignore_index=True)
        saved = Saved(beside["digest"], beside["summary"]["patches"])
        return cls(rows[list(COLUMNS)], beside["meta"]), saved
