"""Files of places to review, filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd

from lulcseg.maps.review_form import ReviewForm
from tests.conftest import CRS


def filled_in(path: Path, form: ReviewForm, geometry: list[Any], **cells: list[Any]) -> Path:
    """Write places to review with some of their columns filled in; the others are empty."""
    number = len(geometry)
    described = {column: [None] * number for column in form.described if column != "rank"}
    columns = {"rank": list(range(1, number + 1)), **described, **form.blanks(number), **cells}
    gpd.GeoDataFrame(columns, geometry=geometry, crs=CRS).to_file(path, layer="review")
    return path
