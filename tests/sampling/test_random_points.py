import numpy as np
import pytest
import shapely
from scipy import stats

from lulcseg.errors import LulcsegError
from lulcseg.sampling.random_points import uniform_points

ORIGIN = np.array([300_000.0, 8_050_000.25])


def at(polygon):
    return shapely.transform(polygon, lambda xy: xy + ORIGIN)


def draw(polygons, owner, seed=0):
    x, y = uniform_points(np.array([at(p) for p in polygons]), np.asarray(owner), np.random.default_rng(seed))
    return x - ORIGIN[0], y - ORIGIN[1]


def p_of_cells(polygon, x, y, side, extent=100):
    """The chi-square test's p for counts over square cells, expected in proportion to the polygon's area in each."""
    edges = np.arange(0, extent + side, side)
    counts = np.histogram2d(x, y, bins=(edges, edges))[0].ravel()
    corners = np.array([(a, b) for a in edges[:-1] for b in edges[:-1]])
    areas = shapely.area(shapely.intersection(polygon, shapely.box(*corners.T, *(corners + side).T)))
    assert counts[areas == 0].sum() == 0
    expected = areas / areas.sum() * x.size
    few = expected < 10  # too few for the approximation: such cells are counted together with the first of the others
    first = np.flatnonzero(~few)[0]
    for values in (counts, expected):
        values[first] += values[few].sum()
    counts, expected = counts[~few], expected[~few]
    assert expected.size > 10
    return stats.chisquare(counts, expected).pvalue


HOLED = shapely.box(0, 0, 100, 100).difference(shapely.Point(35, 60).buffer(25))
FRAME = shapely.box(0, 0, 100, 100).difference(shapely.box(0.5, 0.5, 99.5, 99.5))
DIAGONAL = shapely.Polygon([(0, 0), (2, 0), (100, 98), (100, 100), (98, 100), (0, 2)])
WEDGE = shapely.Polygon([(0, 0), (100, 97), (100, 100)])


@pytest.mark.parametrize("polygon", [HOLED, FRAME, DIAGONAL, WEDGE], ids=["holed", "frame", "diagonal", "wedge"])
def test_points_are_uniform_and_inside(polygon):
    n = 20_000
    x, y = draw([polygon], np.zeros(n, dtype=np.int64))
    assert shapely.covers(polygon.buffer(1e-6), shapely.points(x, y)).all()
    assert 0.001 < p_of_cells(polygon, x, y, 10) < 0.999


def test_parts_are_hit_in_proportion_to_area():
    parts = [
        shapely.box(0, 0, 100, 100),
        shapely.box(10_000, 0, 10_010, 10),
        at_distance := shapely.transform(DIAGONAL, lambda xy: xy + 50_000),
        shapely.box(500, 0, 501, 1),
    ]
    areas = shapely.area(parts)
    n = 200_000
    x, y = draw([shapely.MultiPolygon(parts)], np.zeros(n, dtype=np.int64), seed=1)
    counts = [np.count_nonzero(shapely.intersects_xy(p.buffer(1e-6), x, y)) for p in parts]
    assert sum(counts) == n
    assert stats.chisquare(counts, areas / areas.sum() * n).pvalue > 0.001
    assert at_distance.area / sum(areas) < 0.05


def test_each_point_lies_in_its_own_polygon():
    polygons = [HOLED, shapely.transform(HOLED, lambda xy: xy + 200), shapely.transform(FRAME, lambda xy: xy + 400)]
    owner = np.random.default_rng(3).integers(0, 3, 5_000)
    x, y = draw(polygons, owner)
    assert shapely.intersects_xy(np.array(polygons)[owner], x, y).mean() > 0.99
    assert ((x // 200).astype(int) == owner).all()


def test_slivers_need_no_luck():
    # One part in 10⁷ of its bounding box: rejection alone would try for minutes.
    sliver = shapely.Polygon([(0, 0), (10_000, 10_000), (10_000.002, 10_000)])
    x, y = draw([sliver], np.zeros(2_000, dtype=np.int64))
    assert np.abs(x - y).max() < 0.01
    assert stats.kstest((x / 10_000) ** 2, "uniform").pvalue > 0.001  # the wedge widens with x


def test_same_seed_same_points():
    owner = np.array([0, 0, 1, 1])
    first, again, other = (np.array(draw([HOLED, FRAME], owner, seed)) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_polygon_without_area_is_refused_only_where_a_point_is_wanted():
    line = shapely.Polygon([(0, 0), (10, 0), (0, 0)])
    x, _ = draw([line, HOLED], [1, 1])
    assert x.size == 2
    with pytest.raises(LulcsegError, match="polygon 0 has no area"):
        draw([line, HOLED], [0, 1])


def test_no_points_are_no_points():
    x, y = draw([HOLED], np.empty(0, dtype=np.int64))
    assert x.shape == y.shape == (0,)
