"""What corrections are worth, on the synthetic landscape: python docs/corrections.py OUT --rounds 3.

A simulated interpreter digitises a few squares at random; a small model learns from them and maps the training ground.
Then, round by round, the interpreter digitises further squares: in one arm those that `lulcseg suggest` proposes, in
the other as many at random. `lulcseg revise` takes them into the labels, and a new model learns from all so far.
Printed are kappa at the reference points of the held-out ground, which no square lies in, and the minutes of
interpretation.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
import yaml
from rasterio.features import shapes, sieve
from rasterio.windows import Window as RasterWindow

from lulcseg.corrections.revise_labels import revise_labels
from lulcseg.corrections.square_lattice import SquareLattice, choose_squares
from lulcseg.corrections.suggest_places import SuggestRequest, suggest_places
from lulcseg.grid import Bounds, Grid
from lulcseg.launch.compose import compose
from lulcseg.legend import PAPER_LEGEND
from lulcseg.run.train import train
from lulcseg.run_folder.folder import RunFolder
from lulcseg.scene.scene import Scene
from lulcseg.scene.synthetic.write import write_landscape
from lulcseg.trials.tables import as_markdown

ARMS = ("suggested", "random")
SPECK = 16
"""Pixels below which the interpreter draws no polygon of its own."""


@dataclass(frozen=True)
class Labelled:
    """Where an arm stands: its scene file, the squares digitised so far, and the polygons drawn."""

    scene: Path
    squares: Path
    places: int
    polygons: int


def main() -> None:
    """Run both arms for each seed, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write to, new")
    parser.add_argument(
        "--size", type=int, default=1024, help="side of the landscape, in pixels (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of corrections (default: %(default)s)")
    parser.add_argument("--count", type=int, default=8, help="squares a round (default: %(default)s)")
    parser.add_argument("--side", type=float, default=20.0, help="side of a square, in metres (default: %(default)g)")
    parser.add_argument("--epochs", type=int, default=8, help="of each training (default: %(default)s)")
    parser.add_argument("--patches", type=int, default=400, help="of each training (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="one repetition each (default: 1)")
    parser.add_argument("--seconds", type=float, default=30.0, help="to draw a polygon (default: %(default)g)")
    parser.add_argument("--seconds-a-place", type=float, default=10.0, help="to find a place (default: %(default)g)")
    arguments = parser.parse_args()
    rows = [row for seed in arguments.seeds for row in repeat(arguments, seed)]
    table = pd.DataFrame(rows)
    table["minutes"] = (table["polygons"] * arguments.seconds + table["places"] * arguments.seconds_a_place) / 60
    table.to_csv(arguments.out / "rounds.csv", index=False)
    means = table.groupby(["arm", "round"], sort=False)[["places", "polygons", "minutes", "kappa"]].mean().round(3)
    print(as_markdown(means.reset_index()), end="")


def repeat(arguments: argparse.Namespace, seed: int) -> list[dict[str, object]]:
    """Run both arms from one start, and return a row for each round of each."""
    folder = arguments.out / f"seed{seed}"
    land = write_landscape(folder / "landscape", size=arguments.size, seed=seed, points=5000)
    truth, heldout = land["truth_2018"], land["scene_2018_heldout"]
    start = begin(folder, land["scene_2018_training"], truth, arguments, seed)
    first, mapped = learn(start, heldout, folder / "start", arguments, seed)
    rows = []
    for arm in ARMS:
        at, latest, kappa = start, mapped, first
        for number in range(arguments.rounds + 1):
            if number:
                chance = seed if arm == "random" else None
                at = correct(at, latest, truth, folder / f"{arm}{number}", arguments, random_seed=chance)
                kappa, latest = learn(at, heldout, folder / f"{arm}{number}", arguments, seed)
            row = {"seed": seed, "arm": arm, "round": number, "kappa": kappa}
            rows.append({**row, "places": at.places, "polygons": at.polygons})
    return rows


def begin(folder: Path, scene: Path, truth: Path, arguments: argparse.Namespace, seed: int) -> Labelled:
    """Let the interpreter digitise squares at random in a scene that has no labels yet."""
    content = yaml.safe_load(scene.read_text(encoding="utf-8"))
    bare = scene.with_name("unlabelled.yaml")
    bare.write_text(yaml.safe_dump({k: v for k, v in content.items() if k not in {"labels", "name"}}), encoding="utf-8")
    opened = Scene.open(str(bare))
    lattice = SquareLattice.of(opened.grid, arguments.side, bare)
    outlines = [
        shapely.box(*opened.grid.bounds(lattice.window(row, col)))
        for row, col in choose_squares(
            np.random.default_rng(seed).random(lattice.shape), lattice, arguments.side, 4 * arguments.count
        )
    ]
    inside = [outline for outline in outlines if opened.ground.contains(outline)][: arguments.count]
    squares = folder / "start" / "squares.gpkg"
    squares.parent.mkdir(parents=True)
    gpd.GeoDataFrame(geometry=inside, crs=opened.grid.crs).to_file(squares, layer="review")
    return digitise(Labelled(bare, squares, 0, 0), squares, truth, folder / "start")


def correct(
    at: Labelled, mapped: Path, truth: Path, folder: Path, arguments: argparse.Namespace, *, random_seed: int | None
) -> Labelled:
    """Let the interpreter digitise further squares of a map, away from those digitised before."""
    folder.mkdir(parents=True)
    new = folder / "new_squares.gpkg"
    request = SuggestRequest(
        mapped,
        new,
        count=arguments.count,
        size=arguments.side,
        distance=arguments.side,
        outside=[at.squares],
        buffer=0.0,
    )
    suggest_places(replace(request, random_seed=random_seed))
    both = pd.concat([gpd.read_file(path, layer="review")[["geometry"]] for path in (at.squares, new)])
    squares = folder / "squares.gpkg"
    both.to_file(squares, layer="review")
    return digitise(replace(at, squares=squares), new, truth, folder)


def digitise(at: Labelled, squares: Path, truth: Path, folder: Path) -> Labelled:
    """Let the interpreter draw what is in squares, and take it into the labels."""
    drawn = folder / "drawn.gpkg"
    polygons = interpret(squares, truth, drawn)
    scene = folder / f"{folder.name}.yaml"
    revise_labels(Scene.open(str(at.scene)), [drawn], folder / "labels.gpkg", scene_out=scene)
    places = len(gpd.read_file(squares, layer="review"))
    return replace(at, scene=scene, places=at.places + places, polygons=at.polygons + polygons)


def interpret(squares: Path, truth: Path, out: Path) -> int:
    """Draw a polygon for each connected region of a class in squares, as the truth has it, without specks.

    Args:
        squares: Places to review.
        truth: Class raster of the true classes, with the paper's codes.
        out: Review file to write, all decided.

    Returns:
        Number of polygons.
    """
    names = dict(zip(PAPER_LEGEND.codes, PAPER_LEGEND.names, strict=True))
    outlines, classes = [], []
    places = gpd.read_file(squares, layer="review")
    with rasterio.open(truth) as file:
        t = file.transform
        grid = Grid(str(places.crs), t.c, t.f, t.a, -t.e, file.height, file.width)
        for square in places.geometry:
            window = grid.window_of(Bounds(*square.bounds))
            at = RasterWindow(window.col, window.row, window.width, window.height)
            codes = sieve(file.read(1, window=at), SPECK)
            for outline, code in shapes(codes, transform=rasterio.Affine(*grid.crop(window).transform)):
                outlines.append(shapely.geometry.shape(outline))
                classes.append(names[int(code)])
    columns = {"decision": "class", "class": classes, "interpreter": "simulated"}
    gpd.GeoDataFrame(columns, geometry=outlines, crs=places.crs).to_file(out, layer="review")
    return len(outlines)


def learn(at: Labelled, heldout: Path, folder: Path, arguments: argparse.Namespace, seed: int) -> tuple[float, Path]:
    """Train a small model; return its kappa at the held-out points, and its map of the training ground."""
    run = folder / "run"
    settings = [
        f"scene={at.scene}", f"scenes.assess=[{at.scene},{heldout}]", f"run_dir={run}", f"seed={seed}", "logger=none",
        "sampling.patch_size=64", f"sampling.patches={arguments.patches}", "model.filters=16", "model.depth=3",
        f"trainer.epochs={arguments.epochs}", "trainer.batch_size=16", "validation.fraction=0", "reading.workers=0",
        "mosaic.outputs=[entropy]",
    ]  # fmt: skip
    train(compose("train", settings))
    folder_of_run = RunFolder(run)
    scored = folder_of_run.assessment("synthetic_2018_heldout_single").with_suffix(".json")
    kappa = json.loads(scored.read_text(encoding="utf-8"))["kappa"]
    return float(kappa), folder_of_run.map_file(f"{at.scene.stem}_single")


if __name__ == "__main__":
    main()
