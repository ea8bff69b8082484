"""The cells of the systematic grid that a plan's patches were split from."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.sampling.plan import Plan
from lulcseg.sampling.systematic import GridCells, origin_on


def cells_of(plan: Plan, scene: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the cells of a scene's patches.

    Cells on the lattice follow from division. Cells that were shifted inside at the edge overlap them and
    one another, so that a place does not identify a cell: ``meta["shifted_cells"]`` lists where they lie.

    Args:
        plan: A plan drawn with the method 'grid'.
        scene: One of its scenes.

    Returns:
        Indices into the scene's rows and numbers of cells, (k,) int64 each: a pair for each patch and cell that
        it belongs to. Where shifted cells share the place of a patch, the plan holds it twice, and each has two.
    """
    rows, cell, patch = plan.of(scene), plan.meta["cell"], plan.meta["patch_size"]
    origin = origin_on(plan.grid(scene), plan.meta.get("origin"))
    places = rows[["row", "col"]].reset_index(drop=True)
    moved = rows["shifted"].to_numpy()
    on_lattice = (places[~moved] - [origin.row, origin.col]) // cell
    number = on_lattice.groupby(["row", "col"]).ngroup().to_numpy(dtype=np.int64)

    at = np.array(plan.meta.get("shifted_cells", {}).get(scene, []), dtype=np.int64).reshape(-1, 2)
    parts = GridCells(at[:, 0], at[:, 1], cell, np.ones(len(at), dtype=np.bool_)).split(patch)
    owner = np.repeat(np.arange(len(at), dtype=np.int64), (cell // patch) ** 2)
    known = pd.DataFrame({"row": parts.row, "col": parts.col, "cell": owner})
    found = places[moved].rename_axis("patch").reset_index().merge(known, on=["row", "col"])
    return (
        np.concatenate([np.flatnonzero(~moved), found["patch"].to_numpy(dtype=np.int64)]),
        np.concatenate([number, number.max(initial=-1) + 1 + found["cell"].to_numpy(dtype=np.int64)]),
    )
