"""Writing vector files, with the errors of a full disk as they are told elsewhere."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError


def write_layer(frame: gpd.GeoDataFrame, path: Path, layer: str) -> None:
    """Write features as a layer of a GeoPackage.

    Args:
        frame: The features.
        path: The GeoPackage, within :func:`lulcseg.files.replacing`.
        layer: The layer's name.

    Raises:
        OSError: It can't be written, for instance because the disk is full; pyogrio's own errors are others.
    """
    try:
        pyogrio.write_dataframe(frame, path, layer=layer, driver="GPKG")
    except (DataSourceError, DataLayerError) as error:
        raise OSError((str(error).splitlines() or ["no reason given"])[0]) from error
