"""A scene: imagery, labels, polygons and reference points on one grid."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.enums import Resampling

from lulcseg.errors import LulcsegError
from lulcseg.files import default_cache
from lulcseg.grid import Bounds, Grid, Window
from lulcseg.legend import IGNORE
from lulcseg.scene.class_polygons import read_polygons, repair_polygons
from lulcseg.scene.file_names import split_layer
from lulcseg.scene.ground_area import describe_stretch, ground_areas
from lulcseg.scene.imagery import ImageryReader
from lulcseg.scene.imagery_sources import describe_warped, find_sources, read_on
from lulcseg.scene.label_burning import CachedLabels, burn
from lulcseg.scene.label_notes import label_notes
from lulcseg.scene.labels import (
    RasterLabels,
    areal,
    check_class_rasters,
    labelled_share,
    raster_features,
    raster_table,
    uncovered_parts,
)
from lulcseg.scene.legend_spec import IGNORE_NAME
from lulcseg.scene.mosaic_files import find_files, lay_grid
from lulcseg.scene.pixel_cover import classes_without_pixels, vanished_note
from lulcseg.scene.points import read_points
from lulcseg.scene.raster_headers import read_header
from lulcseg.scene.rasters import RasterSet
from lulcseg.scene.spec import LabelsSpec, SceneFile, read_scene
from lulcseg.scene.vectors import check_not_empty, class_named, crosswalk_table, read_vector


class Scene:
    """A scene, opened from its file. Labels and points are read when first used.

    Args:
        file: The scene file.
        cache: Folder for label rasters.

    Attributes:
        name: The scene's name.
        legend: Its classes.
        grid: Its pixel grid: the first image's, extended over all of them and cut to the boundary.
        imagery: Reader of its imagery.
        band_table: The bands of its named sources; None: the imagery is one source without a name.
        image_files: Headers of the imagery's files, the first source's first.

    Raises:
        LulcsegError: Files that can't be opened or don't fit together.
    """

    def __init__(self, file: SceneFile, cache: Path) -> None:
        self.file, self.spec, self.name, self.legend, self.cache = file, file.spec, file.name, file.legend, cache
        self.date = self.spec.date
        sources = find_sources(file)
        self.image_files = [f for source in sources for f in source.files]
        grid = lay_grid(sources[0].files, self.spec.crs, self.spec.resolution, file.path)
        self.boundary = None if self.spec.boundary is None else self._boundary(self.spec.boundary, grid)
        self.grid = grid if self.boundary is None else self._crop(grid, self.boundary)
        rasters, self.band_table = read_on(self.grid, sources)
        self.imagery = ImageryReader(rasters, self.boundary)
        self.bands, self.dtype = rasters.bands, rasters.dtype

    @classmethod
    def open(cls, name: str, cache: Path | None = None, sources: Sequence[str] = ()) -> Scene:
        """Open a scene by its name or path (see :func:`lulcseg.scene.spec.find_scene`).

        Args:
            name: Name or path.
            cache: Folder for label rasters.
            sources: Names of the sources to use of those that it lists; empty: all.
        """
        cache = cache or default_cache()
        file = read_scene(name, cache=cache)
        return cls(file.of_sources(sources) if sources else file, cache)

    def of_sources(self, names: Sequence[str]) -> Scene:
        """Return the scene with some of its sources."""
        return Scene(self.file.of_sources(names), self.cache)

    @cached_property
    def source_features(self) -> gpd.GeoDataFrame | None:
        """Polygons as they are in the file, in the scene's CRS: ``class_index``, ``feature``, geometry."""
        spec = self.spec.labels
        if spec is None or spec.file is None:
            return None
        return read_polygons(spec, self.file.place(spec.file), self.grid.crs, self.legend)

    @cached_property
    def features(self) -> gpd.GeoDataFrame | None:
        """Source polygons with invalid ones repaired and empty ones left out.

        Raises:
            LulcsegError: Some are invalid, and ``labels.invalid`` is ``refuse``.
        """
        frame = self.source_features
        if frame is None:
            return None
        spec = self.spec.labels
        assert spec is not None
        return repair_polygons(frame, spec, self.file.place(spec.file or ""))

    @cached_property
    def labels(self) -> CachedLabels | RasterLabels | None:
        """Reader of class indices, or None for a scene without labels.

        Raises:
            LulcsegError: No polygon lies over the imagery, or a class isn't in the legend.
        """
        spec = self.spec.labels
        if spec is None:
            return None
        if spec.rasters:
            return self._raster_labels(spec)
        features = self.features
        assert features is not None
        extent = shapely.box(*self.grid.bounds())
        if not features.intersects(extent).any():
            raise LulcsegError(
                "no polygon lies over the imagery",
                where=self.file.place(spec.file or ""),
                remedy="check both files' coordinate reference systems",
            )
        return burn(
            features,
            self.grid,
            uncovered=self.uncovered,
            boundary=self.boundary,
            cache=self.cache,
            legend=self.legend,
        )

    @property
    def uncovered(self) -> int:
        """Class index of ground without a polygon, or 255."""
        spec = self.spec.labels
        if spec is None or spec.uncovered in {None, IGNORE_NAME}:
            return IGNORE
        assert spec.uncovered is not None
        where = f"{self.file.path}: labels.uncovered"
        return class_named(spec.uncovered, self.legend, where)

    def valid_share(self, rows: NDArray[np.int64], cols: NDArray[np.int64], size: int) -> NDArray[np.float64]:
        """Return the share of valid pixels (:meth:`lulcseg.scene.imagery.ImageryReader.valid_share`)."""
        return self.imagery.valid_share(rows, cols, size)

    def labelled_share(self, rows: NDArray[np.int64], cols: NDArray[np.int64], size: int) -> NDArray[np.float64]:
        """Return the share of pixels with a label (:func:`lulcseg.scene.labels.labelled_share`)."""
        return np.zeros(len(rows)) if self.labels is None else labelled_share(self.labels, rows, cols, size)

    def polygons(self) -> gpd.GeoDataFrame | None:
        """Return the labelled ground as features to sample from, or None without labels.

        Returns:
            Columns ``class_index`` (0…n − 1), ``feature`` (row in the source, counted from 0; the
            uncovered ground comes last), ``area_m2`` (on the ground) and ``geometry``, in the scene's CRS, cut to
            the imagery's footprints and the boundary. No ground counts twice: overlapping ground belongs
            to the polygon on top (see :func:`lulcseg.scene.overlaps.burn_order`).
        """
        found = self.placed_polygons
        if found is None or self.source_features is None:
            return None if found is None else found.copy()
        drawn = found["class_index"].isin(self.vanished) & (found["feature"] < len(self.source_features))
        return found[~drawn].reset_index(drop=True)

    @cached_property
    def placed_polygons(self) -> gpd.GeoDataFrame | None:
        """The labelled ground as :meth:`polygons` has it, with classes that are too small for the pixels."""
        if self.spec.labels is None:
            return None
        if self.spec.labels.rasters:
            assert self.labels is not None
            found = raster_features(self.labels, self.grid, self._footprints())
            found["feature"] = np.arange(len(found))
        else:
            assert self.features is not None
            assert self.labels is not None
            found = self._cut_features
            if self.uncovered != IGNORE:
                rest = areal(shapely.difference(self.ground, shapely.union_all(self.features.geometry.to_numpy())))
                last = {"class_index": [self.uncovered], "feature": [len(self.source_features)]}  # type: ignore[arg-type]
                found = pd.concat([found, gpd.GeoDataFrame(last, geometry=[rest], crs=found.crs)], ignore_index=True)
        found = found[~found.geometry.is_empty].reset_index(drop=True)
        return found.assign(area_m2=ground_areas(found.geometry.to_numpy(), self.grid))[
            ["class_index", "feature", "area_m2", "geometry"]
        ]

    @cached_property
    def _cut_features(self) -> gpd.GeoDataFrame:
        """Polygons with a class, cut to the imagery and to what no other covers; some may be empty."""
        assert self.features is not None
        labelled = (self.features["class_index"] != IGNORE).to_numpy()
        found = self.features[labelled].copy()
        cut = shapely.intersection(uncovered_parts(self.features.geometry.to_numpy())[labelled], self.ground)
        return found.set_geometry(gpd.GeoSeries([areal(g) for g in cut], index=found.index, crs=found.crs))

    @cached_property
    def vanished(self) -> list[int]:
        """Indices of classes whose polygons on the imagery are too small to cover the centre of any pixel.

        The class of what no polygon covers isn't among them: that ground has its pixels.
        """
        if self.features is None:
            return []
        return [k for k in classes_without_pixels(self._cut_features, self.grid) if k != self.uncovered]

    @cached_property
    def ground(self) -> Any:
        """The ground the scene covers: its images' footprints inside the boundary (shapely)."""
        boxes = shapely.union_all([shapely.box(*self.grid.bounds(w)) for w in self._footprints()])
        return boxes if self.boundary is None else boxes.intersection(self.boundary)

    @property
    def ground_area(self) -> float:
        """Area of :attr:`ground`, m²."""
        return float(ground_areas([self.ground], self.grid)[0])

    @cached_property
    def points(self) -> gpd.GeoDataFrame | None:
        """Reference points in the scene's CRS (see :func:`lulcseg.scene.points.read_points`)."""
        if self.spec.points is None:
            return None
        labels_crosswalk = self.spec.labels.crosswalk if self.spec.labels else {}
        return read_points(
            self.spec.points, self.file.place(self.spec.points.file), self.grid.crs, self.legend, labels_crosswalk
        )

    @cached_property
    def notes(self) -> list[str]:
        """Assumptions and changes made while opening the scene, a sentence each."""
        found = []
        found += describe_warped(self.imagery.rasters)
        stretched = describe_stretch(self.grid)
        if stretched is not None:
            found.append(stretched)
        for what, frame in (("Polygons", self.source_features), ("Points", self.points)):
            if frame is not None and "warped_from" in frame.attrs:
                found.append(f"{what} were warped from {frame.attrs['warped_from']} to the scene's CRS.")
        if self.spec.legend is None and (self.spec.labels is not None or self.spec.points is not None):
            found.append("No legend is given: the paper's nine classes are assumed.")
        if self.source_features is not None and self.features is not None:
            found += label_notes(self.source_features, self.features, self.ground)
            found += vanished_note(self.vanished, self.legend, self.grid)
        return found

    def _footprints(self) -> list[Window]:
        return [w.intersection(self.grid.window) for w in self.imagery.rasters.footprints]

    def _raster_labels(self, spec: LabelsSpec) -> RasterLabels:
        where = f"{self.file.path}: labels.rasters"
        files = [read_header(p) for p in find_files(spec.rasters, self.file.path.parent, where)]
        check_class_rasters(files)
        table = raster_table(self.legend, crosswalk_table(self.legend, spec.crosswalk, where))
        band = [files[0].facts.image_bands[0]]
        rasters = RasterSet(files, self.grid, band, resampling=Resampling.nearest)
        imaged = self._footprints()
        if all(placed.intersection(image).is_empty for placed in rasters.footprints for image in imaged):
            raise LulcsegError(
                "no class raster lies over the imagery",
                where=where,
                remedy="check both files' coordinate reference systems",
            )
        return RasterLabels(rasters, table, self.boundary)

    def _boundary(self, name: str, grid: Grid) -> Any:
        file, layer, own = split_layer(name)
        path = self.file.place(file)
        frame = read_vector(path, layer, grid.crs, [], key="boundary: <file>|layername=<layer>", own_crs=own)
        check_not_empty(frame, path, "polygon")
        boundary = areal(shapely.union_all(shapely.make_valid(frame.geometry.to_numpy())))
        if boundary.is_empty or not boundary.intersects(shapely.box(*grid.bounds())):
            raise LulcsegError("the boundary contains none of the imagery", where=path, remedy="check its coordinates")
        shapely.prepare(boundary)
        return boundary

    @staticmethod
    def _crop(grid: Grid, boundary: Any) -> Grid:
        return grid.crop(grid.window_of(Bounds(*boundary.bounds)).intersection(grid.window))
