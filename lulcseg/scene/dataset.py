"""A scene as a TorchGeo dataset: indexed by map coordinates, read by window."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torchgeo.datasets import GeoDataset

from lulcseg.grid import Bounds, Window
from lulcseg.legend import IGNORE
from lulcseg.scene.decoded_imagery import decode
from lulcseg.scene.scene import Scene


class SceneDataset(GeoDataset):
    """One scene for any TorchGeo sampler.

    A sample has ``image`` (C, h, w) in the imagery's own type (uint16 widened to int32, which
    torch supports), ``mask`` (h, w) uint8 class index with 255 for ignore, and ``valid``
    (h, w) bool. Pixels without imagery are ignored in the mask too.

    Files open at the first read in each process, so that loader workers may be forked or spawned.

    Args:
        scene: The scene; it must have labels.
        decoded: Cache folder of a decoded copy of the imagery, made at first use
            (:func:`lulcseg.scene.decoded_imagery.decode`); None to read the files themselves.

    Raises:
        LulcsegError: The cache can't be written to, or its disk has too little space.
    """

    def __init__(self, scene: Scene, *, decoded: Path | None = None) -> None:
        self.scene_name, self.grid = scene.name, scene.grid
        self.labels = scene.labels
        self.imagery = scene.imagery if decoded is None else decode(scene.imagery, decoded)
        date = pd.Timestamp(scene.date) if scene.date else pd.Timestamp(0)
        interval = pd.IntervalIndex.from_tuples([(date, date + pd.Timedelta(days=1))], closed="both", name="datetime")
        self.index = gpd.GeoDataFrame(geometry=[scene.ground], index=interval, crs=scene.grid.crs)
        self._res = (scene.grid.xres, scene.grid.yres)
        self.paths = [str(f.path) for f in scene.image_files]

    @cached_property
    def bounds(self) -> tuple[slice, slice, slice]:
        """The scene's x, y and time; cached, since TorchGeo recomputes them for every patch."""
        return cast("tuple[slice, slice, slice]", super().bounds)

    def __getitem__(self, index: Any) -> dict[str, Any]:
        """Read the pixels of a slice ``[xmin:xmax, ymin:ymax]`` of map coordinates.

        Raises:
            IndexError: The slice doesn't overlap the scene.
        """
        x, y, _ = self._disambiguate_slice(index)
        window = self.grid.window_of(Bounds(x.start, y.start, x.stop, y.stop))
        if window.intersection(self.grid.window).is_empty:
            raise IndexError(f"{index} lies outside {self.scene_name}, which has bounds {self.bounds}")
        return self.read(window)

    def read(self, window: Window) -> dict[str, Tensor]:
        """Read a window of pixels as a sample."""
        image, valid = self.imagery.read(window)
        sample = {"image": torch.from_numpy(np.ascontiguousarray(_widen(image))), "valid": torch.from_numpy(valid)}
        if self.labels is not None:
            mask = self.labels.read(window)
            if not valid.all():
                mask[~valid] = IGNORE
            sample["mask"] = torch.from_numpy(mask)
        return sample


def _widen(image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Convert unsigned types, for which torch has few operations, to the next larger signed type."""
    return image.astype({"uint16": np.int32, "uint32": np.int64}.get(image.dtype.name, image.dtype), copy=False)
