"""Maps whose classes or dates aren't known, folders of killed runs, and what the terminal says of a sample."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

from lulcseg.assessment.console_design import estimate_cells
from lulcseg.assessment.design import Estimate
from lulcseg.change.change_record import date_labels
from lulcseg.change.compare_maps import ChangeRequest, compare_maps
from lulcseg.change.work_folder import work_folder
from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE
from lulcseg.report.change_page import REVIEW, write_change_report
from lulcseg.scene.format_quantities import format_hectares
from tests.support.change_maps import CLASSES, GRID, write_class_map

BEFORE = np.kron(np.arange(12).reshape(3, 4) % 3, np.ones((10, 10), dtype=int)).astype(np.uint8)
AFTER = BEFORE.copy()
AFTER[:10, :20] = (AFTER[:10, :20] + 1) % 3


def pair(folder: Path, **legends) -> tuple[Path, Path]:
    one = write_class_map(folder / "2015.tif", BEFORE, date="2015-08-01", **legends.get("before", {}))
    return one, write_class_map(folder / "2018.tif", AFTER, date="2018-08-01", **legends.get("after", {}))


@pytest.mark.parametrize("bare", ["before", "after"])
def test_a_map_without_a_legend_is_not_read_with_the_others(tmp_path: Path, bare: str) -> None:
    paths = pair(tmp_path, **{bare: {"legend": None}})
    with pytest.raises(LulcsegError, match=r"carries no legend.*give its classes with --legend") as refused:
        compare_maps(ChangeRequest(*paths, tmp_path / "out"))
    assert str(paths[bare == "after"]) in str(refused.value)
    assert not (tmp_path / "out").exists(), "refused runs leave nothing"
    assert compare_maps(ChangeRequest(*paths, tmp_path / "out", legend=CLASSES)).areas.classes == CLASSES


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("2018,2015", "2018 is later than 2015; give the earlier map first"),
        ("2014,2018", "it is of 2015-08-01, and 2014 is given"),
        ("2015,2019-10", "it is of 2018-08-01, and 2019 is given"),
    ],
)
def test_dates_that_contradict_the_maps(tmp_path: Path, given: str, part: str) -> None:
    with pytest.raises(LulcsegError, match=part):
        date_labels(*pair(tmp_path), given)


def test_dates_may_be_called_anything_else(tmp_path: Path) -> None:
    paths = pair(tmp_path)
    for given in ("2015,2018", "2015-08,2018-08", "dry,wet"):
        assert date_labels(*paths, given) == tuple(given.split(","))


def test_folders_of_killed_runs_are_removed(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from lulcseg.change.work_folder import work_folder
with work_folder(Path({str(tmp_path)!r})) as staged:
    (staged / "change.tif").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False, env=os.environ)
    assert len(list(tmp_path.iterdir())) == 1
    with work_folder(tmp_path) as mine, work_folder(tmp_path) as another:
        assert sorted(tmp_path.iterdir()) == sorted([mine, another]), "those of running processes stay"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["change.tif", "change_areas.csv"])
def test_files_of_others_are_not_replaced(tmp_path: Path, name: str) -> None:
    paths, out = pair(tmp_path), tmp_path / "out"
    out.mkdir()
    (out / name).write_bytes(paths[0].read_bytes())
    with pytest.raises(LulcsegError, match=f"holds {name}, which is not of an earlier comparison"):
        compare_maps(ChangeRequest(*paths, out))
    assert [path.name for path in out.iterdir()] == [name]
    assert (out / name).read_bytes() == paths[0].read_bytes()


def test_places_to_review_are_those_of_the_change_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths, out = pair(tmp_path), tmp_path / "out"
    compare_maps(ChangeRequest(*paths, out))
    write_change_report(out)
    places = gpd.read_file(out / REVIEW)
    write_change_report(out)
    assert len(gpd.read_file(out / REVIEW)) == len(places) > 0
    places.loc[0, "decision"] = "unsure"
    places.to_file(out / REVIEW, layer="review", driver="GPKG")
    compare_maps(ChangeRequest(*paths, out, minimum_unit=1e6))
    write_change_report(out)
    assert len(gpd.read_file(out / REVIEW)) == 0, "nothing is left that changed"
    assert len(gpd.read_file(out / "change_review_decided1.gpkg")) == len(places)
    assert "Decisions on an earlier map's places" in capsys.readouterr().out


def test_what_is_said_of_a_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compare_maps(ChangeRequest(*pair(tmp_path), tmp_path / "out"))
    rng, inside = np.random.default_rng(0), (BEFORE != IGNORE).nonzero()
    chosen = rng.permutation(len(inside[0]))[:300]
    rows, cols = inside[0][chosen], inside[1][chosen]
    x, y = GRID.left + (cols + 0.5) * GRID.xres, GRID.top - (rows + 0.5) * GRID.yres
    names = np.array(CLASSES.names)
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y), crs=GRID.crs)
    points["class_2015"] = points["class_2018"] = None
    points.to_file(tmp_path / "sample.gpkg")
    command = [
        "assess",
        str(tmp_path / "out" / "change.tif"),
        str(tmp_path / "sample.gpkg"),
        "--design",
        "simple-random",
    ]
    with pytest.raises(SystemExit):
        main(command)
    assert (
        "none of its 300 points has a class of both dates; fill in class_2015 and class_2018" in capsys.readouterr().err
    )

    points["class_2015"], points["class_2018"] = names[BEFORE[rows, cols]], names[AFTER[rows, cols]]
    points.to_file(tmp_path / "sample.gpkg")
    main(command)
    said = capsys.readouterr().out
    assert said.index("Change as a whole") < said.index("Transitions, hectares")
    assert "300 of 300 points compared" in said
    assert len(said.splitlines()) < 60
    assert "0.00   0.00" not in said


def test_a_class_has_one_line_in_a_crosswalk(tmp_path: Path) -> None:
    paths = pair(tmp_path)
    lines = tmp_path / "crosswalk.yaml"
    for other in ("Other", "Cane"):
        lines.write_text(f"before: {{Forest: Other, 10: {other}}}\n")
        with pytest.raises(LulcsegError, match="it lists Forest twice, by its name and as code 10; leave out one"):
            compare_maps(ChangeRequest(*paths, tmp_path / "out", crosswalk=lines))


def test_small_areas_are_told_from_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A patch of 24 m² of two pixels wide, and a map without change, whose sums leave rounding."""
    later = BEFORE.copy()
    later[3:5, 3:6] = 2
    one = write_class_map(tmp_path / "2015.tif", BEFORE, date="2015")
    two = write_class_map(tmp_path / "2018.tif", later, date="2018")
    main(["change", str(one), str(two), "--out", str(tmp_path / "out")])
    said = capsys.readouterr().out
    assert "Change 2015 → 2018: 0.0024 ha of 0.48 ha changed" in said
    assert "<0.01" in said
    main(["change", str(one), str(two), "--out", str(tmp_path / "none"), "--minimum-unit", "30"])
    said = capsys.readouterr().out
    assert "Change 2015 → 2018: 0.00 ha of 0.48 ha changed" in said
    assert "0.0024 ha of change in smaller patches" in " ".join(said.split())


def test_nothing_has_no_sign() -> None:
    cells = estimate_cells(Estimate(-1e-9, 0.0012, -0.0024, 0.0024), format_hectares)
    assert cells == ("0.00", "0.0012", "−0.0024 to 0.0024")
    assert estimate_cells(Estimate(-0.0004, 0.1, -0.2, 0.2))[0] == "0.000"
