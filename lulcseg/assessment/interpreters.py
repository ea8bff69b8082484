"""Agreement between interpreters of the same points, and the points to discuss."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.scene.file_names import locate_layer
from lulcseg.scene.layer_writing import write_layer
from lulcseg.scene.points import said_no
from lulcseg.scene.vectors import read_vector, value_text

UNCLEAR = "not interpretable"


@dataclass(frozen=True, eq=False)
class Pair:
    """Agreement of two interpreters on the points to which both gave a class.

    Attributes:
        first: First interpreter.
        second: Second interpreter.
        n: Points to which both gave a class.
        agreement: Share with the same class.
        kappa: Cohen's kappa; NaN if both gave a single class throughout.
        confusion: Rows = the first's classes, columns = the second's.
    """

    first: str
    second: str
    n: int
    agreement: float
    kappa: float
    confusion: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Agreement:
    """Agreement of several interpreters.

    Attributes:
        interpreters: Their names: the files' stems, or the layers' names where layers are named.
        points: One row a point that any of them interpreted: ``point``, a column for each interpreter, geometry.
        complete: Points to which all gave a class.
        overall: Share of those on which all agree; NaN without such points.
        fleiss: Fleiss' kappa over those.
        pairs: All pairs of interpreters.
        discuss: The rows on which they differ, in class or interpretability.
    """

    interpreters: tuple[str, ...]
    points: gpd.GeoDataFrame
    complete: int
    overall: float
    fleiss: float
    pairs: tuple[Pair, ...]
    discuss: gpd.GeoDataFrame


def agreement_of(files: Sequence[str | os.PathLike[str]], column: str = "class") -> Agreement:
    """Compare interpreters' copies of one sample.

    Points are matched by the column ``point``. A point that an interpreter left empty doesn't count for them; with
    ``interpretable`` no, their class doesn't count, and the point is to be discussed if another gave a class.

    Args:
        files: Two or more copies of a sample, one for each interpreter, perhaps with ``|layername=`` or ``|crs=``
            after the file: copies may be layers of one file.
        column: Column of the class.

    Raises:
        LulcsegError: Fewer than two copies, duplicate names, missing columns, or different points.
    """
    places = [locate_layer(file, "agreement") for file in files]
    names = tuple(layer or Path(path.name).stem for path, layer, _ in places)
    if len(files) < 2 or len(set(names)) < len(names):
        raise LulcsegError(
            "agreement needs two or more files, or layers, of different names",
            where="agreement",
            remedy="give one for each interpreter",
        )
    first: gpd.GeoDataFrame | None = None
    table = pd.DataFrame()
    for name, (path, layer, crs) in zip(names, places, strict=True):
        frame = read_vector(path, layer, None, None, own_crs=crs)
        for needed in ("point", column):
            if needed not in frame.columns:
                raise LulcsegError(f"it has no column '{needed}'", where=path, remedy="give copies of one sample")
        frame = frame.set_index("point")
        if first is None:
            first = frame
        elif set(frame.index) != set(first.index) or frame.index.has_duplicates:
            raise LulcsegError(
                f"its points are not those of {names[0]}", where=path, remedy="give copies of one sample"
            )
        given = frame[column].map(value_text).astype(object)
        if "interpretable" in frame.columns:
            given[said_no(frame["interpretable"])] = UNCLEAR
        table[name] = given.reindex(first.index)
    assert first is not None
    seen = table.notna().any(axis=1)
    table = table.where(table.notna(), None)
    points = gpd.GeoDataFrame(table[seen], geometry=first.geometry[seen], crs=first.crs).reset_index()
    return _compared(names, points)


def _compared(names: tuple[str, ...], points: gpd.GeoDataFrame) -> Agreement:
    from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

    given = points[list(names)].astype(object)
    classes = given.where(given.notna() & (given != UNCLEAR), None)
    whole = classes[classes.notna().all(axis=1)]
    same = whole.eq(whole.iloc[:, 0], axis=0).all(axis=1)
    fleiss = math.nan
    if len(whole) and len(np.unique(whole.to_numpy().astype(str))) > 1:
        counts, _ = aggregate_raters(whole.to_numpy().astype(str))
        fleiss = float(fleiss_kappa(counts, method="fleiss"))
    differing = given.apply(lambda row: len(set(row.dropna())) > 1, axis=1)
    return Agreement(
        interpreters=names,
        points=points,
        complete=len(whole),
        overall=float(same.mean()) if len(whole) else math.nan,
        fleiss=fleiss,
        pairs=tuple(_pair(classes, a, b) for a, b in combinations(names, 2)),
        discuss=points[differing.to_numpy(dtype=bool)].reset_index(drop=True),
    )


def _pair(classes: pd.DataFrame, first: str, second: str) -> Pair:
    from statsmodels.stats.inter_rater import cohens_kappa

    both = classes[[first, second]].dropna()
    labels = sorted(set(both[first]) | set(both[second]))
    confusion = pd.crosstab(both[first], both[second]).reindex(index=labels, columns=labels, fill_value=0)
    matrix = confusion.to_numpy()
    kappa = float(cohens_kappa(matrix).kappa) if len(labels) > 1 else math.nan
    agree = float(np.trace(matrix) / matrix.sum()) if len(both) else math.nan
    return Pair(first, second, len(both), agree, kappa, confusion)


def write_discussion(found: Agreement, out: Path) -> None:
    """Write the points to discuss, as GeoPackage or CSV (with x and y), by the file's suffix.

    Args:
        found: The comparison.
        out: ``.gpkg`` or ``.csv``.

    Raises:
        LulcsegError: Another suffix, or a file that can't be written.
    """
    if out.suffix.lower() not in {".gpkg", ".csv"}:
        raise LulcsegError("it is neither .gpkg nor .csv", where=out, remedy="give it one of these suffixes")
    with replacing(out) as part:
        if out.suffix.lower() == ".csv":
            table = pd.DataFrame(found.discuss.drop(columns="geometry"))
            table.assign(x=found.discuss.geometry.x, y=found.discuss.geometry.y).to_csv(part, index=False)
        else:
            write_layer(found.discuss, part, "discuss")
