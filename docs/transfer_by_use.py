"""Where a map of the synthetic landscape is wrong, by land use: python docs/transfer_by_use.py MAP --seed 10.

A class has several land uses (cane, ratoon, cut), and `Other` many; which of them a map takes for what says more about
a transfer to another date than the confusion of classes does.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from rasterio.features import rasterize

from lulcseg.scene.synthetic.layout import Layout, lay_out
from lulcseg.scene.synthetic.uses import USES
from lulcseg.trials.tables import as_markdown


def main() -> None:
    """Print a table: a row for each land use, those with most wrong pixels first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("map", type=Path, help="a map of a landscape, with the paper's legend")
    parser.add_argument("--seed", type=int, default=1, help="seed of the landscape (default: %(default)s)")
    parser.add_argument("--date", type=int, default=2015, choices=(2015, 2018), help="default: %(default)s")
    parser.add_argument("--rows", type=int, default=8, help="rows of the table (default: %(default)s)")
    arguments = parser.parse_args()
    with rasterio.open(arguments.map) as file:
        mapped = file.read(1)
        legend = json.loads(file.tags()["LULCSEG_LEGEND"])
    names = {entry["code"]: entry["name"] for entry in legend}
    layout = lay_out(mapped.shape[0], arguments.seed)
    print(as_markdown(by_use(mapped, names, layout, arguments.date).head(arguments.rows)), end="")


def by_use(mapped: NDArray[np.uint8], names: dict[int, str], layout: Layout, date: int) -> pd.DataFrame:
    """Return pixels of each land use on both dates, the share mapped right, and what the rest is mapped as most.

    Args:
        mapped: (H, W) codes, 255 where nothing is mapped.
        names: Code → class.
        layout: Of the landscape.
        date: The map's, 2018 or 2015.
    """
    uses = sorted({use for piece in layout.pieces for use in piece.uses})
    there = {
        year: rasterize([(p.polygon, uses.index(p.uses[k])) for p in layout.pieces], out_shape=mapped.shape, fill=255)
        for k, year in enumerate((2018, 2015))
    }
    rows = []
    for number, use in enumerate(uses):
        codes = mapped[(there[date] == number) & (mapped != 255)]
        if not len(codes):
            continue
        counts = pd.Series({names[code]: int(n) for code, n in zip(*np.unique(codes, return_counts=True), strict=True)})
        right = int(counts.get(USES[use].land_class, 0))
        wrong = counts.drop(USES[use].land_class, errors="ignore")
        rows.append({
            "land use": use, "class": USES[use].land_class,
            **{f"pixels {year}": int((there[year] == number).sum()) for year in (2018, 2015)},
            "right": round(right / len(codes), 2), "wrong pixels": len(codes) - right,
            "mostly mapped as": wrong.idxmax() if len(wrong) else "",
        })  # fmt: skip
    return pd.DataFrame(rows).sort_values("wrong pixels", ascending=False)


if __name__ == "__main__":
    main()
