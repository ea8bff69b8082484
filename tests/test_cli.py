"""The command line: light to start, exact in what it says, one sentence when input is bad."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from lulcseg.cli import command_parser, main
from lulcseg.scene.scene import Scene
from tests.conftest import CRS, LEFT, TOP, box, write_raster
from tests.support.checkout import ROOT
from tests.support.plans import drawn

Make = Callable[..., Path]
HEAVY = {"torch", "torchgeo", "rasterio", "geopandas", "pytorch_lightning", "kornia", "wandb", "matplotlib"}


@pytest.mark.parametrize(
    "code",
    [
        "import lulcseg.cli",
        "import sys; sys.argv = ['train.py', '--help']; import runpy\n"
        "try: runpy.run_path('train.py', run_name='__main__')\nexcept SystemExit: pass",
    ],
)
def test_help_imports_nothing_heavy(code: str) -> None:
    show = f"{code}\nimport sys; print('LOADED', *sorted(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run([sys.executable, "-c", show], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_check_says_what_a_scene_holds(
    make_scene: Make, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_scene()
    frame = gpd.read_file(path.parent / "labels.gpkg")
    bowtie = shapely.Polygon(
        [(LEFT + 50, TOP - 30), (LEFT + 60, TOP - 40), (LEFT + 60, TOP - 30), (LEFT + 50, TOP - 40)]
    )
    extra = [frame.geometry[1], bowtie, box(90, 100, 1, 20), box(0, 5000, 4, 4)]
    names = ["Water", "Trees", "Trees", "Trees"]
    frame = gpd.GeoDataFrame({"class": [*frame["class"], *names]}, geometry=[*frame.geometry, *extra], crs=CRS)
    frame.to_file(path.parent / "labels.gpkg")
    points = gpd.read_file(path.parent / "points.gpkg")
    points.loc[0, "geometry"] = shapely.Point(LEFT - 100, TOP)
    points.to_file(path.parent / "points.gpkg")
    scene = Scene.open(str(path), cache)
    plan = drawn(scene, patch_size=16, patches=9, seed=0)
    plan.save(tmp_path / "plan.gpkg")
    main(["check", f"scene={path}", "--cache", str(cache), "--plan", str(tmp_path / "plan.gpkg")])
    text = " ".join(capsys.readouterr().out.split())
    for part in (
        "96 rows × 128 columns", "1 invalid geometry repaired", "1 feature is an exact duplicate", "1 sliver narrower",
        "1 feature outside the imagery", "pairs of features overlap", "1 point can't be scored: off the imagery",
        "scorable 39", "inside training patches", "smaller than a patch of 512 px",
    ):  # fmt: skip
        assert part in text, part


def test_check_finds_gaps_and_disagreements(make_scene: Make, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:

    path = make_scene(imagery={"files": ["image.tif", "next.tif"]})
    write_raster(path.parent / "next.tif", np.ones((3, 20, 20), np.uint8), left=LEFT + 100, top=TOP - 60, res=1.0)
    main(["check", str(path), "--cache", str(cache)])
    text = " ".join(capsys.readouterr().out.split())
    assert "disagree in pixel size" in text
    assert "will be warped on the fly" in text
    assert "gap" in text


def test_assess_compares_points_with_a_map(
    make_scene: Make, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_scene()
    polygons = gpd.read_file(path.parent / "labels.gpkg")
    polygons["class"] = ["Trees", "Water"]
    main(
        ["assess", str(path.parent / "labels.gpkg"), str(path.parent / "points.gpkg"), "--legend", str(path),
         "--out", str(tmp_path / "scores")]
    )  # fmt: skip
    assert "kappa" in capsys.readouterr().out
    scored = json.loads((tmp_path / "scores.json").read_text())
    assert scored["n_points"] == 40
    assert sum(map(sum, scored["confusion"])) == scored["n_scored"] < 40  # bare ground has no polygon
    assert (tmp_path / "scores_points.csv").is_file()


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (["check", "scene=none"], "there is no scene 'none'"),
        (["check", "scene=sinthetic2018"], "did you mean 'synthetic2018'"),
        (["synth", "/proc/none/here"], "/proc/none"),
        (["synth", "out", "--size", "20"], "20"),
        (["assess", "none.tif", "none.gpkg"], "none"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    argv: list[str], part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LULCSEG_CACHE", str(tmp_path / "cache"))
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert part in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "alias", "argv"),
    [("beside", "compare", ["a.tif", "--scene", "west"]), ("contact", "preview", ["scene=west"])],
)
def test_aliases_are_the_same_command_and_listed(
    name: str, alias: str, argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    parser = command_parser()
    assert parser.parse_args([alias, *argv]) == parser.parse_args([name, *argv])
    with pytest.raises(SystemExit):
        main(["--help"])
    assert f"{name} ({alias})" in capsys.readouterr().out


def test_every_command_states_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    actions = next(a for a in command_parser()._actions if isinstance(a, argparse._SubParsersAction))
    for name in ("train", "predict"):  # Hydra's
        main([name, "--help"])
        assert "Groups (choose with group=option" in capsys.readouterr().out
    for name in {*actions.choices} - {"train", "predict"}:
        with pytest.raises(SystemExit) as left:
            main([name, "--help"])
        assert left.value.code == 0
        usage, _, rest = capsys.readouterr().out.partition("\n\n")
        assert usage.startswith("usage: lulcseg ")
        assert rest.split("\n\n")[0].rstrip().endswith("."), name
