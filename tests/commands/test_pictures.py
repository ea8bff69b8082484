"""lulcseg quicklook and beside: where pictures are written, what is said, one sentence when input is bad."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lulcseg.cli import main
from lulcseg.commands.picture_files import save_picture
from tests.conftest import LEFT, TOP, write_raster
from tests.support.file_server import serving
from tests.support.map_files import LEGEND, map_of, scattered, tagged, values_of

Make = Callable[..., Path]


def sentence(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(argv)
    assert stopped.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


def test_a_quick_look_lies_beside_the_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = map_of(tmp_path / "farm_single.tif", scattered(30, 40))
    main(["quicklook", str(path)])
    assert capsys.readouterr().out == f"{tmp_path}/farm_single.png\n"
    with Image.open(tmp_path / "farm_single.png") as picture:
        assert (picture.mode, picture.width) == ("RGB", 1560 // 40 * 40 + 40)
    main(["quicklook", str(path), "--out", str(tmp_path / "b.png"), "--width", "400"])
    with Image.open(tmp_path / "b.png") as picture:
        assert picture.width == 360 // 40 * 40 + 40
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".png", ".png", ".tif"]


def test_a_quick_look_with_imagery(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    path = map_of(tmp_path / "a.tif", scattered(96, 128))
    main(["quicklook", str(path), "--scene", f"scene={make_scene()}", "--cache", str(cache), "--width", "900"])
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width == 2 * 3 * 128 + 12 + 40


@pytest.mark.parametrize("kind", ["classes", "values"])
def test_a_quick_look_of_a_map_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    path = tmp_path / "served" / "farm.tif"
    if kind == "classes":
        map_of(path, scattered(30, 40))
    else:
        values_of(path, np.linspace(0, 250, 1200).astype(np.uint8).reshape(30, 40))
    main(["quicklook", str(path)])
    with serving(tmp_path / "served") as server:
        for name in (server.url("farm.tif?sig=SECRET"), f"/vsicurl/{server.url('farm.tif')}"):
            capsys.readouterr()
            main(["quicklook", name])
            assert capsys.readouterr().out == "farm.png\n"
            assert (tmp_path / "here" / "farm.png").read_bytes() == (tmp_path / "served" / "farm.png").read_bytes()


def test_maps_beside_each_other(
    make_scene: Make, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = scattered(96, 128)
    other = one.copy()
    other[50:60, 90:100] = 0
    paths = [map_of(tmp_path / f"{n}.tif", index) for n, index in (("single", one), ("multiple", other))]
    tagged(paths[0], mosaic="single")
    options = ["--scene", str(make_scene()), "--cache", str(cache), "--size", "32"]
    main(["beside", *map(str, paths), *options])
    path, where = capsys.readouterr().out.splitlines()
    assert path == f"{tmp_path}/single_beside.png"
    assert where.startswith("32 × 32 pixels around ")
    assert "where the first two maps differ most: on " in where
    place = where.split("around ")[1].split(", ")[0]
    east, north = map(float, place.split(","))
    assert abs(east - LEFT - 95 / 2) <= 8
    assert abs(TOP - north - 55 / 2) <= 8
    main(["beside", *map(str, paths), *options, "--at", place, "--out", str(tmp_path / "again.png")])
    assert f"around {place}: the first two maps differ on" in capsys.readouterr().out
    with Image.open(path) as first, Image.open(tmp_path / "again.png") as second:
        assert first.size == second.size == (3 * 320 + 2 * 12 + 40, first.height)
        assert (np.asarray(first) == np.asarray(second)).all()


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (["none.tif"], "none.tif: no such file"),
        (["folder"], "folder: it is a folder, not a map; give the class map"),
        (["map.tif", "--out", "none/a.png"], "none: the output folder does not exist"),
        (["map.tif", "--out", "a.jpg"], "a.jpg: is not a PNG"),
        (["map.tif", "--out", "folder"], "folder: is a folder"),
        (["map.tif", "--width", "319"], "--width: 319 pixels"),
        (["map.tif", "--width", "6001"], "choose 320 to 6000"),
        (["map.tif", "--scene", "sinthetic2018"], "did you mean 'synthetic2018'"),
        (["text.tif"], "text.tif: not a raster"),
        (["plain.tif"], "plain.tif: carries no legend; name its scene"),
        (["image.tif"], "image.tif: has 3 bands"),
        (["real.tif"], "real.tif: holds float32 values"),
        (["odd.tif"], "odd.tif: holds code 77, which the legend lacks"),
    ],
)
def test_bad_input_to_quicklook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argv: list[str], part: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LULCSEG_CACHE", str(tmp_path / "cache"))
    Path("folder").mkdir()
    Path("text.tif").write_text("no raster")
    map_of(Path("map.tif"), scattered(20, 30))
    write_raster(Path("plain.tif"), np.zeros((1, 20, 30), dtype=np.uint8))
    write_raster(Path("image.tif"), np.zeros((3, 20, 30), dtype=np.uint8))
    write_raster(Path("real.tif"), np.zeros((1, 20, 30), dtype=np.float32))
    odd = write_raster(Path("odd.tif"), np.full((1, 20, 30), 77, dtype=np.uint8))
    tagged(odd, LULCSEG_LEGEND=json.dumps(LEGEND.to_plain()))
    before = sorted(tmp_path.rglob("*"))
    assert part in sentence(["quicklook", *argv], capsys)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (["map.tif", "none.tif"], "none.tif: no such file"),
        (["map.tif", "confidence.tif"], "confidence.tif: holds values, not classes"),
        (["map.tif", "off.tif"], "off.tif: its pixels (0.5 × 0.5 from 330000.1"),
        (["map.tif", "--at", "330010"], "--at: '330010' is not a place; write easting and northing"),
        (["map.tif", "--at", "east,north"], "'east,north' is not a place"),
        (["map.tif", "--at", "1,2,3"], "is not a place"),
        (["map.tif", "--at", "nan,1"], "is not a place"),
        (["map.tif", "--at=-5,1"], "--at: -5,1 is outside the ground"),
        (["map.tif", "--size", "8"], "--size: 8 pixels"),
        (["map.tif", "--out", "none/a.png"], "none: the output folder does not exist"),
    ],
)
def test_bad_input_to_beside(
    make_scene: Make,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    part: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    scene = make_scene()
    map_of(Path("map.tif"), scattered(96, 128))
    values_of(Path("confidence.tif"), np.zeros((96, 128), dtype=np.uint8))
    write_raster(Path("off.tif"), np.full((1, 96, 128), 10, dtype=np.uint8), left=LEFT + 0.1)
    assert part in sentence(["beside", *argv, "--scene", str(scene), "--cache", str(cache)], capsys)
    assert not list(tmp_path.glob("*.png"))


def test_the_map_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.png"
    map_of(path, scattered(20, 30))
    assert "a.png: is the map itself" in sentence(["quicklook", str(path)], capsys)


def test_a_picture_is_whole_or_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "a.png"
    out.write_text("what was")

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        save_picture(Image.new("RGB", (9, 9)), out)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert out.read_text() == "what was"


def test_a_folder_is_no_map(tmp_path, capsys):
    for words in (["quicklook", str(tmp_path)], ["beside", str(tmp_path), str(tmp_path), "--scene", "x"]):
        with pytest.raises(SystemExit):
            main(words)
        assert f"{tmp_path}: it is a folder, not a map; give the class map in it" in capsys.readouterr().err
