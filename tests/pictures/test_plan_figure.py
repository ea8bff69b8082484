"""The plan over the imagery: what is drawn of it, and what its legend says."""

import io

import geopandas as gpd
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image
from shapely import box

from lulcseg.grid import Bounds, Window
from lulcseg.legend import LandClass, Legend
from lulcseg.pictures import figure_style
from lulcseg.pictures.plan_figure import patches_figure
from lulcseg.report.run.plan_view import plan_figure as figure_of_plan
from lulcseg.sampling.plan import Plan
from tests.support.plans import GRID, WEST, FakeScene, grid, stratified

LEGEND = Legend(
    (LandClass(0, "Cane $x", "#8fce6a"), LandClass(1, "_Road", "#d81b60"), LandClass(2, "Other", "#c8c4b7"))
)
GROUND = Bounds(0, 0, 100, 100)


def plan_rows(n, size, rng):
    corners = rng.random((n, 2)) * (100 - size)
    return gpd.GeoDataFrame(
        {"class_index": rng.integers(-1, 3, n), "split": np.where(np.arange(n) % 5, "train", "validation")},
        geometry=[box(x, y, x + size, y + size) for x, y in corners],
    )


def entries(figure):
    return [t.get_text().strip() for t in figure.legends[0].get_texts()]


def outlines(figure):
    """Return the boxes drawn in colour, as (west, south, east, north)."""
    paths = [p.vertices for c in figure.axes[0].collections[2::2] for p in c.get_paths()]
    return np.array([[*v.min(axis=0), *v.max(axis=0)] for v in paths])


def test_patches_are_outlined_where_they_can_be_told_apart():
    rng = np.random.default_rng(0)
    few = patches_figure(plan_rows(30, 10, rng), GROUND, LEGEND, np.zeros((50, 50, 3), dtype=np.uint8))
    many = patches_figure(plan_rows(600, 10, rng), GROUND, LEGEND)
    assert len(outlines(few)) == 30
    assert len(many.axes[0].collections) == 2
    assert len(many.axes[0].collections[1].get_offsets()) == 600
    with Image.open(io.BytesIO(figure_style.jpeg(few))) as picture:
        assert picture.width > 600


def test_patches_wear_the_colour_of_their_class_and_the_legend_counts_them():
    rows = plan_rows(4, 10, np.random.default_rng(0)).assign(class_index=[1, 0, 1, -1], split="train")
    figure = patches_figure(rows, GROUND, LEGEND)
    drawn = figure.axes[0].collections[2].get_edgecolors()[:, :3]
    np.testing.assert_allclose(drawn[:3] * 255, LEGEND.colours[[1, 0, 1]], atol=0.5)
    assert entries(figure) == [r"Cane \$x (1)", "_Road (2)", "patch (1)"]


def test_rare_classes_lie_on_top_where_patches_are_dots():
    rows = plan_rows(5000, 1, np.random.default_rng(0))
    rows["class_index"] = np.where(np.arange(5000) % 100 == 0, 1, 2)
    dots = patches_figure(rows, GROUND, LEGEND).axes[0].collections[1]
    np.testing.assert_allclose(dots.get_facecolors()[-50:, :3] * 255, np.tile(LEGEND.colours[1], (50, 1)), atol=0.5)


def test_held_out_ground_is_hatched():
    plan = stratified(FakeScene(features=WEST), validation=(0.3, 100))
    figure = figure_of_plan(plan, "here", LEGEND, None)
    hatched = figure.axes[0].collections[0]
    assert hatched.get_hatch()
    found = sorted(tuple(np.round([*p.vertices.min(axis=0), *p.vertices.max(axis=0)], 3)) for p in hatched.get_paths())
    assert found == sorted(tuple(b) for b in plan.meta["validation"]["held_out"]["here"])
    assert entries(figure)[-2:] == [f"to validate on ({(plan.rows['split'] == 'validation').sum()})", "held out"]
    assert "held out" not in entries(figure_of_plan(stratified(FakeScene(features=WEST)), "here", LEGEND, None))


@pytest.mark.parametrize("origin", [None, (GRID.left + 33.2, GRID.top - 27.1)])
def test_the_systematic_grid_is_drawn_as_its_cells(origin):
    settings = {} if origin is None else {"origin": origin}
    scene = FakeScene(features=WEST)
    cells = grid(scene, background="Other", patch_size=128, **settings)
    patches = grid(scene, background="Other", patch_size=32, **settings)
    assert len(patches) == 16 * len(cells)
    figure = figure_of_plan(patches, "here", LEGEND, None)
    drawn = outlines(figure)
    wanted = cells.rows.geometry.bounds.to_numpy()
    np.testing.assert_allclose(drawn[np.lexsort(drawn.T)], wanted[np.lexsort(wanted.T)], atol=1e-6)
    assert entries(figure) == [f"cell ({len(cells)}; {len(patches)} patches)"]
    np.testing.assert_allclose(figure.axes[0].collections[2].get_edgecolors()[0, :3], to_rgb(figure_style.INK))


@pytest.mark.parametrize("origin", [None, (GRID.left + 32.0, GRID.top - 16.0), (GRID.left - 7.0, GRID.top + 33.0)])
def test_shifted_cells_are_drawn_where_they_lie(origin):
    # Of 600 × 800 pixels, with corners at multiples of the patch too: shifted cells then share patches' places.
    scene = FakeScene(features=[*WEST, (2, Window(400, 600, 200, 200))])
    settings = {"background": "Other", "edge": "shift", "origin": origin}
    cells, patches = (grid(scene, patch_size=size, **settings) for size in (128, 32))
    kept = patches.meta["cells"]["here"]["kept"]
    assert len(cells) == kept
    assert patches.meta["shifted"] > 0
    figure = figure_of_plan(patches, "here", LEGEND, None)
    drawn, wanted = outlines(figure), cells.rows.geometry.bounds.to_numpy()
    np.testing.assert_allclose(drawn[np.lexsort(drawn.T)], wanted[np.lexsort(wanted.T)], atol=1e-6)
    assert entries(figure) == [f"cell ({kept}; {len(patches)} patches)"]


def test_cells_are_counted_once_though_held_out_ground_cuts_them():
    scene = FakeScene(features=[(1, Window(0, 0, 600, 800))])
    plan = grid(scene, edge="shift", validation=(0.3, 72))
    drawn = outlines(figure := figure_of_plan(plan, "here", LEGEND, None))
    assert plan.meta["cells"]["here"]["kept"] == 35
    assert plan.meta["dropped"] > 0
    assert entries(figure)[0] == f"cell (35; {len(plan)} patches)"
    assert len(drawn) > 35
    gone = Plan(plan.rows[(plan.rows["row"] >= 128)], plan.meta)
    assert entries(figure_of_plan(gone, "here", LEGEND, None))[0] == f"cell (28; {len(gone)} patches)"
