"""Patches on the grid: extents, the systematic grid, and patches centred on random points."""

import numpy as np
import pytest
import shapely

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window
from lulcseg.sampling.centred_patches import try_patches
from lulcseg.sampling.patch_extents import boxes, centred, check_fits, find_intersections
from lulcseg.sampling.systematic import all_cells, keep_meeting, origin_on

GRID = Grid("EPSG:28355", left=300_000.0, top=8_050_000.25, xres=0.5, yres=0.25, height=300, width=520)


def in_pixels(row, col, row_end, col_end):
    return shapely.box(*GRID.bounds(Window(row, col, row_end - row, col_end - col)))


class TestExtents:
    def test_boxes_equal_the_grids_bounds_to_the_last_bit(self):
        grid = Grid("EPSG:28355", 300_000.1, 8_050_000.3, 0.3, 0.7, 1000, 1000)
        row, col = np.random.default_rng(0).integers(0, 900, (2, 50))
        for r, c, box in zip(row.tolist(), col.tolist(), boxes(grid, row, col, 64), strict=True):
            assert box.bounds == grid.bounds(Window(r, c, 64, 64))

    @pytest.mark.parametrize("patch", [8, 9])
    def test_the_centre_is_within_half_a_pixel_of_the_point(self, patch):
        rng = np.random.default_rng(1)
        x = GRID.left + rng.uniform(20, 240, 200)
        y = GRID.top - rng.uniform(10, 60, 200)
        row, col, shifted = centred(GRID, x, y, patch)
        assert np.abs(GRID.left + (col + patch / 2) * GRID.xres - x).max() <= GRID.xres / 2
        assert np.abs(GRID.top - (row + patch / 2) * GRID.yres - y).max() <= GRID.yres / 2
        assert not shifted.any()

    def test_a_patch_at_the_edge_is_shifted_inside(self):
        x, y = GRID.xy([0, 150, 299, 150], [0, 0, 519, 260])
        row, col, shifted = centred(GRID, x, y, 100)
        assert row[[0, 2]].tolist() == [0, 200]
        assert col[:3].tolist() == [0, 0, 420]
        assert shifted.tolist() == [True, True, True, False]

    def test_a_shared_edge_is_no_meeting(self):
        neighbour, inside, hole = in_pixels(0, 64, 64, 128), in_pixels(10, 63, 11, 70), in_pixels(0, 0, 300, 520)
        hole = hole.difference(in_pixels(0, 0, 64, 64))
        geometry, patch = find_intersections(GRID, np.array([0]), np.array([0]), 64, [neighbour, inside, hole])
        assert (geometry.tolist(), patch.tolist()) == ([1], [0])

    def test_patch_larger_than_scene_names_both_sizes(self):
        with pytest.raises(LulcsegError, match=r"301 × 301 .*'here' of 300 × 520.*at most 300"):
            check_fits(GRID, 301, "here")
        check_fits(GRID, 300, "here")
        with pytest.raises(LulcsegError, match="0 pixels"):
            check_fits(GRID, 0, "here")


class TestSystematic:
    def test_only_whole_cells_from_the_origin(self):
        cells = all_cells(GRID, 128, 64, "here")
        assert sorted(zip(cells.row.tolist(), cells.col.tolist(), strict=True)) == [
            (r, c) for r in (0, 128) for c in (0, 128, 256, 384)
        ]

    def test_keeps_cells_that_meet_a_polygon(self):
        cells = all_cells(GRID, 128, 64, "here")
        kept = keep_meeting(cells, GRID, [in_pixels(100, 120, 110, 140), in_pixels(128, 384, 256, 512)])
        assert list(zip(kept.row.tolist(), kept.col.tolist(), strict=True)) == [(0, 0), (0, 128), (128, 384)]

    def test_no_polygon_no_cell(self):
        assert len(keep_meeting(all_cells(GRID, 128, 64, "here"), GRID, [])) == 0

    def test_split_covers_the_cell_once(self):
        cells = all_cells(GRID, 128, 32, "here").where(np.array([False, True, *[False] * 6]))
        patches = cells.split(32)
        seen = np.zeros((GRID.height, GRID.width), dtype=int)
        for r, c in zip(patches.row, patches.col, strict=True):
            seen[r : r + 32, c : c + 32] += 1
        expected = np.zeros_like(seen)
        expected[:128, 128:256] = 1
        assert len(patches) == 16
        assert np.array_equal(seen, expected)

    @pytest.mark.parametrize(("cell", "patch"), [(128, 48), (192, 64), (32, 64)])
    def test_cell_must_be_the_patch_times_a_power_of_two(self, cell, patch):
        with pytest.raises(LulcsegError, match=f"cell of {cell} pixels cannot be split in four down to"):
            all_cells(GRID, cell, patch, "here")

    def test_scene_smaller_than_a_cell_names_the_largest_that_fits(self):
        with pytest.raises(LulcsegError, match=r"'here' of 300 × 520.*use cells of 256"):
            all_cells(GRID, 1024, 64, "here")
        with pytest.raises(LulcsegError, match=r"use cells of 160"):
            all_cells(GRID, 320, 20, "here")
        assert len(all_cells(GRID, 256, 64, "here")) == 2


class TestOrigin:
    def test_the_default_is_the_upper_left_corner(self):
        origin = origin_on(GRID, None)
        assert (origin.row, origin.col, origin.easting, origin.northing) == (0, 0, GRID.left, GRID.top)
        assert not origin.snapped

    @pytest.mark.parametrize(("dx", "dy", "snapped"), [(0.0, 0.0, False), (0.24, 0.1, True), (-0.2, -0.12, True)])
    def test_it_is_brought_to_the_nearest_pixel_corner(self, dx, dy, snapped):
        x, y = GRID.left - 37 * 0.5, GRID.top - 20 * 0.25
        origin = origin_on(GRID, [x + dx, y + dy])
        assert (origin.row, origin.col) == (20, -37)
        assert (origin.easting, origin.northing) == (x, y)
        assert origin.snapped is snapped

    @pytest.mark.parametrize("wanted", [[1e30, 1.0], [0.0, -2e9]])
    def test_one_that_is_nowhere_near_is_refused(self, wanted):
        with pytest.raises(LulcsegError, match=r"sampling.origin: .* pixels away from the imagery's corner; write"):
            origin_on(GRID, wanted)
        assert origin_on(GRID, [0.0, 0.0]).row == round(GRID.top / GRID.yres)

    @pytest.mark.parametrize("wanted", [[], [1.0], [1.0, 2.0, 3.0], [1.0, float("nan")]])
    def test_it_is_two_numbers(self, wanted):
        with pytest.raises(LulcsegError, match=r"sampling.origin: .*write \[easting, northing\]"):
            origin_on(GRID, wanted)

    def test_cells_are_aligned_to_it(self):
        # 300 × 520 pixels, a corner at row 20, column −37: cells from rows 20, 148 and columns 91, 219, 347.
        origin = origin_on(GRID, [GRID.left - 37 * 0.5, GRID.top - 20 * 0.25])
        cells = all_cells(GRID, 128, 64, "here", origin=origin)
        expected = {(r, c) for r in (20, 148) for c in (91, 219, 347)}
        assert set(zip(cells.row.tolist(), cells.col.tolist(), strict=True)) == expected
        assert not cells.shifted.any()

    def test_no_whole_cell_names_the_remedies(self):
        origin = origin_on(GRID, [GRID.left, GRID.top - 100 * 0.25])
        with pytest.raises(LulcsegError, match=r"sampling.origin: no cell of 256.*sampling.edge=shift"):
            all_cells(GRID, 256, 64, "here", origin=origin)


class TestEdge:
    def test_cells_over_the_edge_are_moved_inside(self):
        cells = all_cells(GRID, 128, 64, "here", edge="shift")
        found = zip(cells.row.tolist(), cells.col.tolist(), cells.shifted.tolist(), strict=True)
        assert list(found) == [(r, c, r == 172 or c == 392) for r in (0, 128, 172) for c in (0, 128, 256, 384, 392)]

    def test_with_an_origin_at_every_edge(self):
        origin = origin_on(GRID, [GRID.left + 100 * 0.5, GRID.top - 44 * 0.25])
        cells = all_cells(GRID, 128, 64, "here", origin=origin, edge="shift")
        assert np.unique(cells.row[~cells.shifted]).tolist() == [44, 172]
        assert np.unique(cells.row).tolist() == [0, 44, 172]
        assert np.unique(cells.col).tolist() == [0, 100, 228, 356, 392]

    def test_nothing_is_shifted_where_cells_fill_the_grid(self):
        grid = Grid("EPSG:28355", 0.0, 1000.0, 1.0, 1.0, 256, 128)
        cells = all_cells(grid, 128, 64, "here", edge="shift")
        assert (cells.row.tolist(), cells.col.tolist(), cells.shifted.tolist()) == ([0, 128], [0, 0], [False, False])

    def test_an_axis_of_one_cell_has_one(self):
        grid = Grid("EPSG:28355", 0.0, 1000.0, 1.0, 1.0, 128, 256)
        cells = all_cells(grid, 128, 64, "here", origin=origin_on(grid, [0.0, 950.0]), edge="shift")
        assert (cells.row.tolist(), cells.col.tolist(), cells.shifted.tolist()) == ([0, 0], [0, 128], [True, True])

    def test_patches_of_a_shifted_cell_are_shifted(self):
        patches = all_cells(GRID, 128, 64, "here", edge="shift").split(64)
        cell_row, cell_col = patches.row[::4], patches.col[::4]
        assert np.array_equal(patches.shifted, np.repeat((cell_row == 172) | (cell_col == 392), 4))


class TestStratified:
    def test_patches_are_centred_in_their_features(self):
        polygons = np.array([in_pixels(50, 60, 60, 70), in_pixels(200, 300, 230, 310)])
        drawn = try_patches(polygons, np.array([3, 40]), GRID, 32, np.random.default_rng(0))
        assert np.bincount(drawn.feature).tolist() == [3, 40]
        centres = shapely.points(GRID.left + (drawn.col + 16) * GRID.xres, GRID.top - (drawn.row + 16) * GRID.yres)
        assert (shapely.distance(centres, polygons[drawn.feature]) <= GRID.xres).all()
        assert not drawn.shifted.any()
        assert drawn.redrawn == 0

    def test_patches_with_too_few_valid_pixels_are_drawn_anew(self):
        seen = []

        def right_half(rows, cols, patch):
            seen.append(rows.size)
            return (cols >= 260).astype(float)

        polygons = np.array([in_pixels(0, 0, 300, 520)])
        drawn = try_patches(
            polygons, np.array([400]), GRID, 32, np.random.default_rng(0), min_valid=0.5, valid_share=right_half
        )
        assert (drawn.col >= 260).all()
        assert drawn.row.size == 400
        assert drawn.redrawn == sum(seen[1:])
        assert np.array_equal(drawn.valid, np.ones(400))
        half = drawn.where(drawn.thrown > 0)
        assert half.redrawn == drawn.redrawn
        assert 150 < half.row.size < 250
        assert 300 < drawn.redrawn < 700

    def test_redrawing_is_bounded(self):
        drawn = try_patches(
            np.array([in_pixels(0, 0, 9, 9)]),
            np.array([7]),
            GRID,
            32,
            np.random.default_rng(0),
            min_valid=0.5,
            valid_share=lambda rows, cols, patch: np.zeros(rows.size),
        )
        assert drawn.thrown.tolist() == [50] * 7
        assert drawn.valid.tolist() == [0.0] * 7

    def test_a_bound_needs_a_measure(self):
        with pytest.raises(ValueError, match="valid_share"):
            try_patches(
                np.array([in_pixels(0, 0, 9, 9)]), np.array([7]), GRID, 32, np.random.default_rng(0), min_valid=0.5
            )
