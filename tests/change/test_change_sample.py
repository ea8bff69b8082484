"""Reference samples of a change map: strata, sizes, columns of both dates; and what assesses them."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
from scipy.spatial import KDTree

from lulcseg.assessment.design_based import DesignRequest
from lulcseg.assessment.design_strata import sample_record, stored_strata
from lulcseg.change.assess_change import ChangeAssessment, assess_change
from lulcseg.change.change_record import read_change
from lulcseg.change.change_strata import BUFFER, OTHER, ChangeGround, ChangeStrata
from lulcseg.change.compare_maps import ChangeRequest, compare_maps
from lulcseg.change.transition_codes import TransitionCodes
from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.legend import IGNORE
from lulcseg.maps.classraster import ClassRaster
from tests.support.change_maps import CLASSES, GRID, write_class_map

RNG = np.random.default_rng(7)
EARLIER = np.kron(RNG.integers(0, 3, (9, 12)), np.ones((10, 10), dtype=int)).astype(np.uint8)
LATER = EARLIER.copy()
LATER[22:38, 41:59], LATER[60:70, 5:25], LATER[80:83, 100:104] = 1, 2, 0
"""The truth of both dates: three patches change."""


def mapped(truth: np.ndarray, seed: int, share: float = 0.03) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(truth.shape) < share, rng.integers(0, 3, truth.shape), truth).astype(np.uint8)


@pytest.fixture
def change(tmp_path: Path) -> Path:
    one = write_class_map(tmp_path / "2015.tif", mapped(EARLIER, 1), date="2015-08-01")
    two = write_class_map(tmp_path / "2018.tif", mapped(LATER, 2), date="2018-08-01")
    compare_maps(ChangeRequest(one, two, tmp_path / "change", minimum_unit=30.0))
    return tmp_path / "change" / "change.tif"


def interpret(sample: Path, columns: tuple[str, str] = ("class_2015", "class_2018")) -> gpd.GeoDataFrame:
    """Fill in the truth, as an interpreter who never errs."""
    points = gpd.read_file(sample, layer="points")
    row, col = GRID.rowcol(points.geometry.x, points.geometry.y)
    for column, truth in zip(columns, (EARLIER, LATER), strict=True):
        points[column] = np.array(CLASSES.names)[truth[row, col]]
    pyogrio.write_dataframe(points, sample, layer="points", append=False)
    return points


def assessed(path: Path, points: Path, **further) -> ChangeAssessment:
    record = read_change(path)
    assert record is not None
    return assess_change(path, points, record, **further)


@pytest.mark.parametrize("buffer", [0.0, 2.0, 7.0, 31.0])
def test_the_buffer_is_the_unchanged_ground_near_change(change: Path, buffer: float) -> None:
    record = read_change(change)
    assert record is not None
    codes = record.codes
    with ClassRaster(change, codes.legend()) as raster:
        plain = raster.read(GRID.window)
        ground = ChangeGround(raster, codes, buffer)
        found = np.vstack([ground.read(Window(row, 0, min(13, 90 - row), 120)) for row in range(0, 90, 13)])
    moved = np.isin(plain, [k for k, (i, j) in enumerate(codes.pairs) if i != j])
    near = np.zeros(plain.shape, dtype=bool)
    if buffer:
        distance, _ = KDTree(np.argwhere(moved) * 2.0).query(np.argwhere(np.ones_like(moved)) * 2.0)
        near = (distance.reshape(plain.shape) <= buffer) & ~moved & (plain != IGNORE)
        assert near.any()
    assert (found == np.where(near, ground.size - 1, plain)).all()


def test_a_sample_has_its_strata_sizes_and_a_column_for_each_date(change: Path, tmp_path: Path) -> None:
    sample = tmp_path / "sample.gpkg"
    main(["reference", str(change), "--standard-error", "0.02", "--buffer", "6", "--least", "20", "--out", str(sample)])
    points = gpd.read_file(sample, layer="points")
    assert list(points.columns[:6]) == ["point", "class_2015", "class_2018", "interpreter", "interpretable", "notes"]
    assert points["class_2015"].isna().all()
    strata = {s.name: s for s in stored_strata(sample) or []}
    assert BUFFER in strata
    assert sum(s.hectares for s in strata.values()) == pytest.approx(90 * 120 * 4 / 10_000)
    number = points["stratum"].value_counts()
    assert all(number[name] >= min(20, s.pixels) for name, s in strata.items())
    assert sample_record(sample)["dates"] == "2015,2018"
    with sqlite3.connect(sample) as base:
        style = base.execute("SELECT styleQML FROM layer_styles").fetchone()[0]
    assert style.count('<editWidget type="ValueMap">') == 3  # both classes, and interpretable
    assert '("class_2015" IS NULL OR "class_2018" IS NULL)'.replace('"', "&quot;") in style


def test_the_size_reaches_the_standard_error_of_the_area_of_change(change: Path, tmp_path: Path) -> None:
    """The formula of a stratified mean (Cochran 1977, eq. 5.2), with what is expected of each stratum."""
    sample = tmp_path / "sample.gpkg"
    words = ["--buffer", "6", "--least", "2", "--allocation", "optimal", "--expect", "0.7", "--expect", "buffer=0.85"]
    main(["reference", str(change), "--standard-error", "0.01", *words, "--out", str(sample)])
    record = read_change(change)
    assert record is not None
    codes = {str(code): pair for code, pair in zip(record.codes.codes, record.codes.pairs, strict=True)}
    strata = stored_strata(sample) or []
    points = gpd.read_file(sample, layer="points")["stratum"].value_counts()
    weights = np.array([s.hectares for s in strata])
    change_share = np.array([
        0.15 if s.name == BUFFER else 0.7 if s.name == OTHER or len(set(codes[s.name])) == 2 else 0.01 for s in strata
    ])  # fmt: skip
    number = np.array([points[s.name] for s in strata])

    def error(n: np.ndarray) -> float:
        return float(np.sqrt(((weights / weights.sum()) ** 2 * change_share * (1 - change_share) / n).sum()))

    assert error(number) <= 0.01
    assert error(number * (1 - 3 / number.sum())) > 0.0099
    assert float(sample_record(sample)["expected_standard_error"]) == pytest.approx(error(number), abs=1e-6)


def test_rare_changes_are_one_stratum_together() -> None:
    changes = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0)]
    codes = TransitionCodes.of(CLASSES, changes)
    pixels = np.array([900, 800, 700, 5, 50, 3, 40, 2, 100])
    strata = ChangeStrata.of(pixels, codes, 2, {"other changes": 0.5, "Cane, unchanged": 0.9})
    assert strata.labels[-1] == "3 other changes"
    assert dict(zip(strata.names, strata.pixels.tolist(), strict=True)) == {
        "0": 900, "4": 800, "8": 700, BUFFER: 100, "2": 50, "5": 40, OTHER: 10,
    }  # fmt: skip
    assert strata.change.round(2).tolist() == [0.01, 0.1, 0.01, 0.1, 0.8, 0.8, 0.5]
    assert strata.table[[3, 5, 7]].tolist() == [6, 6, 6]
    with pytest.raises(LulcsegError, match=r"no class 'bufer'; did you mean 'buffer'"):
        ChangeStrata.of(pixels, codes, 2, {"bufer": 0.5})


def test_a_sample_with_a_buffer_estimates_the_area_of_change(change: Path, tmp_path: Path) -> None:
    sample = tmp_path / "sample.gpkg"
    main(["reference", str(change), "--points", "900", "--buffer", "6", "--out", str(sample), "--seed", "3"])
    interpret(sample)
    found = assessed(change, sample)
    true = (EARLIER != LATER).sum() * 4 / 10_000
    assert found.change is not None
    area = found.change.classes[0].hectares
    assert abs(area.value - true) < 3 * area.se
    assert 0 < area.se < 0.3 * true
    assert found.pairs.design_based is not None
    assert "Stehman" in found.pairs.design_based.estimator
    moved = [
        c.hectares.value
        for c, (i, j) in zip(found.pairs.design_based.classes, read_pairs(found, change), strict=True)
        if i != j
    ]
    assert sum(moved) == pytest.approx(area.value)


def read_pairs(found: ChangeAssessment, change: Path) -> list[tuple[int, int]]:
    names = [name.replace(", unchanged", "").split(" → ") for name in found.pairs.legend.names]
    return [(CLASSES.index(each[0]), CLASSES.index(each[-1])) for each in names]


def test_strata_that_are_the_maps_give_the_estimates_of_olofsson(change: Path, tmp_path: Path) -> None:
    sample = tmp_path / "sample.gpkg"
    main(["reference", str(change), "--points", "700", "--own-strata", "99", "--out", str(sample)])
    interpret(sample)
    found = assessed(change, sample)
    assert found.pairs.design_based is not None
    assert "Olofsson" in found.pairs.design_based.estimator


def random_points(path: Path, number: int, columns: tuple[str, str], seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    row, col = rng.integers(0, 90, number), rng.integers(0, 120, number)
    x, y = GRID.xy(row, col)
    names = np.array(CLASSES.names)
    classes = {columns[0]: names[EARLIER[row, col]], columns[1]: names[LATER[row, col]]}
    gpd.GeoDataFrame(classes, geometry=gpd.points_from_xy(x, y), crs=GRID.crs).to_file(path)
    return path


def test_random_points_of_both_dates_are_used_with_the_map(change: Path, tmp_path: Path) -> None:
    points = random_points(tmp_path / "p.gpkg", 1500, ("then", "now"))
    with pytest.raises(LulcsegError, match="doesn't say which columns hold the classes of 2015 and 2018"):
        assessed(change, points)
    true = (EARLIER != LATER).sum() * 4 / 10_000
    plain, post = (
        assessed(change, points, columns="then,now", request=DesignRequest(design))
        for design in ("simple random", "post-stratified")
    )
    for found in (plain, post):
        assert found.change is not None
        area = found.change.classes[0].hectares
        assert abs(area.value - true) < 3 * area.se
    assert post.change is not None
    assert plain.change is not None
    assert post.change.design == "post-stratified"
    assert post.change.classes[0].hectares.se < 0.7 * plain.change.classes[0].hectares.se
    unknown = assessed(change, points, columns="then,now")
    assert unknown.change is None
    assert "how they were drawn isn't known" in unknown.pairs.design_note


def test_points_with_a_change_that_the_map_lacks_are_counted(change: Path, tmp_path: Path) -> None:
    points = gpd.read_file(random_points(tmp_path / "p.gpkg", 300, ("class_2015", "class_2018")))
    points.loc[0, ["class_2015", "class_2018"]] = ["Other", "Forest"]
    points.loc[1, "class_2018"] = None
    points.loc[2, ["class_2015", "class_2018"]] = [None, None]
    points.to_file(tmp_path / "q.gpkg")
    found = assessed(change, tmp_path / "q.gpkg")
    record = read_change(change)
    assert record is not None
    assert "Other → Forest" in found.pairs.legend.names
    assert found.pairs.excluded == {"no class given": 1, "no class given for one of the dates": 1}
    found.save(tmp_path / "out")
    assert (tmp_path / "out_change.json").is_file()
    assert (tmp_path / "out_points.csv").is_file()


def test_a_sample_of_another_pair_is_refused(change: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = tmp_path / "sample.gpkg"
    main(["reference", str(change), "--points", "700", "--out", str(sample)])
    interpret(sample)
    earlier = write_class_map(tmp_path / "2012.tif", mapped(EARLIER, 5), date="2012")
    compare_maps(ChangeRequest(earlier, tmp_path / "2015.tif", tmp_path / "wrong"))
    with pytest.raises(SystemExit):
        main(["assess", str(tmp_path / "wrong" / "change.tif"), str(sample)])
    assert "drawn for the change between 2015 and 2018, and change.tif is the one between 2012 and" in " ".join(
        capsys.readouterr().err.split()
    )
    # another map of the same dates is assessed by the same points, with strata from elsewhere
    other = write_class_map(tmp_path / "other.tif", mapped(LATER, 9), date="2018-08-01")
    compare_maps(ChangeRequest(tmp_path / "2015.tif", other, tmp_path / "again"))
    found = assessed(tmp_path / "again" / "change.tif", sample)
    assert found.change is not None
    assert found.change.classes[0].hectares.value > 0


def test_undated_pairs_are_told_apart_by_their_maps(tmp_path: Path) -> None:
    one, two, three = (write_class_map(tmp_path / f"{k}.tif", mapped(LATER if k else EARLIER, k)) for k in range(3))
    for name, pair in (("a", (one, two)), ("b", (one, three))):
        compare_maps(ChangeRequest(*pair, tmp_path / name))
    sample = tmp_path / "s.gpkg"
    main(["reference", str(tmp_path / "a" / "change.tif"), "--points", "800", "--out", str(sample)])
    interpret(sample, ("class_before", "class_after"))
    assert assessed(tmp_path / "a" / "change.tif", sample).change is not None
    with pytest.raises(LulcsegError, match=r"change between 0\.tif and 1\.tif"):
        assessed(tmp_path / "b" / "change.tif", sample)
    assert assessed(tmp_path / "b" / "change.tif", sample, columns="class_before,class_after").change is not None


def test_options_of_a_change_are_refused_elsewhere(
    change: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = random_points(tmp_path / "p.gpkg", 30, ("class_2015", "class_2018"))
    for words, said in (
        (["reference", str(tmp_path / "2015.tif"), "--buffer", "5", "--out", str(tmp_path / "s.gpkg")], "change map"),
        (["reference", str(change), "--buffer", "-5", "--out", str(tmp_path / "s.gpkg")], "not an amount"),
        (["reference", str(change), "--legend", "l.yaml", "--out", str(tmp_path / "s.gpkg")], "holds its classes"),
        (["assess", str(change), str(points), "--column", "class_2015"], "is not two columns"),
        (["assess", str(change), str(points), "--column", "class_2015,class_2081"], "did you mean 'class_2018'"),
        (["assess", str(change), str(points), "--map-column", "x"], "doesn't apply to a change map"),
    ):
        with pytest.raises(SystemExit) as left:
            main(words)
        assert left.value.code == 2
        assert said in " ".join(capsys.readouterr().err.split()), words
    assert not (tmp_path / "s.gpkg").exists()


def test_a_simple_random_sample_of_a_change(change: Path, tmp_path: Path) -> None:
    sample = tmp_path / "s.gpkg"
    main(["reference", str(change), "--design", "simple-random", "--points", "400", "--out", str(sample)])
    points = interpret(sample)
    assert set(points["stratum"]) == {"all"}
    found = assessed(change, sample)
    assert found.change is not None
    assert found.change.design == "simple random"


def test_ground_of_single_dates_is_left_to_single_maps(change: Path, tmp_path: Path) -> None:
    """The same points assess one of the two maps, by its own column and strata from elsewhere."""
    sample = tmp_path / "sample.gpkg"
    main(["reference", str(change), "--points", "700", "--buffer", "6", "--out", str(sample)])
    interpret(sample)
    main(["assess", str(tmp_path / "2018.tif"), str(sample), "--column", "class_2018"])


def test_a_map_where_nothing_changed_has_no_strata_of_change(tmp_path: Path) -> None:
    one = write_class_map(tmp_path / "a.tif", EARLIER)
    shifted = replace(GRID, height=80)
    two = write_class_map(tmp_path / "b.tif", EARLIER[:80], shifted)
    compare_maps(ChangeRequest(one, two, tmp_path / "out"))
    with pytest.raises(SystemExit):
        main(["reference", str(tmp_path / "out" / "change.tif"), "--out", str(tmp_path / "s.gpkg")])


def undated(folder: Path) -> tuple[Path, Path]:
    """Compare two maps without dates, in both orders."""
    one, two = (write_class_map(folder / f"{k}.tif", mapped(LATER if k else EARLIER, k)) for k in range(2))
    for name, pair in (("a", (one, two)), ("b", (two, one))):
        compare_maps(ChangeRequest(*pair, folder / name))
    return folder / "a" / "change.tif", folder / "b" / "change.tif"


def test_a_sample_is_not_read_the_wrong_way_round(tmp_path: Path) -> None:
    forth, back = undated(tmp_path)
    sample = tmp_path / "s.gpkg"
    main(["reference", str(forth), "--points", "800", "--out", str(sample)])
    interpret(sample, ("class_before", "class_after"))
    said = r"from 0\.tif to 1\.tif, and change\.tif is the one the other way round; .*--column class_after,class_before"
    for columns in (None, "class_before,class_after"):
        with pytest.raises(LulcsegError, match=said):
            assessed(back, sample, columns=columns)
    turned = assessed(back, sample, columns="class_after,class_before")
    straight = assessed(forth, sample)
    assert turned.change is not None
    assert straight.change is not None
    assert turned.change.classes[0].hectares.value == pytest.approx(straight.change.classes[0].hectares.value)
    assert turned.pairs.confusion.trace() == straight.pairs.confusion.trace()


def test_one_column_is_not_two(change: Path, tmp_path: Path) -> None:
    points = random_points(tmp_path / "p.gpkg", 30, ("class_2015", "class_2018"))
    with pytest.raises(LulcsegError, match="'class_2015, class_2015' is not two columns"):
        assessed(change, points, columns="class_2015, class_2015")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--own-strata", "-1"], "--own-strata: -1 is not a number of strata; give 0 or more"),
        (["--expect", "buffer=0.95"], "--expect: there is no buffer to expect anything of; give --buffer too"),
        (["--design", "simple-random", "--buffer", "3"], "--buffer: a simple random sample has no strata"),
        (["--design", "simple-random", "--own-strata", "3"], "--own-strata: a simple random sample has no strata"),
        (["--design", "simple-random", "--least", "3"], "--least: a simple random sample has no strata"),
        (["--design", "simple-random", "--allocation", "equal"], "--allocation: a simple random sample has no strata"),
        (["--points", "100000"], "100,000 points can't be drawn from 10,800 pixels"),
        (["--points", "0"], "0 points can't be drawn from 10,800 pixels"),
        (["--design", "simple-random", "--points", "0"], "0 points can't be drawn"),
        (["--seed", "-1"], "-1 is not a seed; give a whole number of 0 or more"),
    ],
)
def test_a_sample_that_cannot_be_drawn(
    change: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    for target in (change, tmp_path / "2015.tif"):
        if target != change and words[0] in {"--own-strata", "--expect", "--design"} and "--points" not in words:
            continue
        with pytest.raises(SystemExit) as left:
            main(["reference", str(target), *words, "--out", str(tmp_path / "s.gpkg")])
        assert left.value.code == 2
        assert said in " ".join(capsys.readouterr().err.split())
        assert not (tmp_path / "s.gpkg").exists()


def test_a_map_where_nothing_changed_can_be_sampled_at_random(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write_class_map(tmp_path / "a.tif", EARLIER)
    two = write_class_map(tmp_path / "b.tif", EARLIER[:80], replace(GRID, height=80))
    compare_maps(ChangeRequest(one, two, tmp_path / "out"))
    words = ["reference", str(tmp_path / "out" / "change.tif"), "--out", str(tmp_path / "s.gpkg"), "--points", "200"]
    with pytest.raises(SystemExit):
        main(words)
    assert "nothing changed on it" in capsys.readouterr().err
    main([*words, "--design", "simple-random"])
    interpret(tmp_path / "s.gpkg", ("class_before", "class_after"))
    found = assessed(tmp_path / "out" / "change.tif", tmp_path / "s.gpkg")
    assert found.change is not None
    assert found.change.design == "simple random"


def test_the_formulae_are_those_of_each_figure(
    change: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = tmp_path / "s.gpkg"
    main(["reference", str(change), "--points", "900", "--own-strata", "99", "--out", str(sample)])
    interpret(sample)
    main(["assess", str(change), str(sample)])
    said = " ".join(capsys.readouterr().out.split())
    found = assessed(change, sample)
    assert found.pairs.design_based is not None
    assert "Olofsson" in found.pairs.design_based.estimator
    assert f"Formulae: of transitions {found.pairs.design_based.estimator}; of change as a whole" in said
