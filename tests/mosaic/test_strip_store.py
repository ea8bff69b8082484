"""Strips, parts and resuming: pixels are the same to the last byte, however a map came about."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import torch

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window
from lulcseg.mosaic.products import products
from lulcseg.mosaic.row_stream import PredictionSetup, RowStream
from lulcseg.mosaic.strip_store import StripStore
from tests.support.killed_map import map_and_be_killed
from tests.support.mosaics import (
    CODES,
    LEGEND,
    ArrayReader,
    NormalisedUNet,
    class_pixels_of,
    codes_of,
    holes,
    map_reader,
    pixels_of,
    random_image,
    write_scene,
)
from tests.support.pass_plans import CHEAP, CROP, MULTIPLE, SINGLE

CPU = torch.device("cpu")
PATCH, BATCH = 32, 5
LAYERS = ["probabilities", "confidence", "entropy", "disagreement"]


pytestmark = pytest.mark.usefixtures("one_thread")


def reader_of(height=131, width=101, seed=0):
    return ArrayReader(random_image(height, width, seed=seed), holes(height, width))


def map_of(folder, model=None, reader=None, *, plan=MULTIPLE, batch=BATCH, outputs=LAYERS, **more):
    folder.mkdir(exist_ok=True)
    network, reader = model or NormalisedUNet(), reader or reader_of()
    return map_reader(folder, network, reader, plan, patch=PATCH, batch=batch, outputs=outputs, **more)


def unfinished(folder):
    """The hidden folder of a map that was cut off."""
    (found,) = (folder / "maps").glob(".*.part")
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory, one_thread):
    folder = tmp_path_factory.mktemp("whole")
    map_of(folder)
    found = pixels_of(folder)
    assert len(found) == 5
    assert len(set(found["map.tif"])) > 2, "a single class: nothing is tried"
    return found


@pytest.mark.parametrize("rows", [16, 37, 64, 1000])
def test_the_height_of_strips_does_not_matter(tmp_path, whole, rows):
    result = map_of(tmp_path, strip=rows)
    assert result.strips == -(-131 // rows)
    assert pixels_of(tmp_path) == whole
    suffixes = Counter(p.suffix for p in (tmp_path / "maps").iterdir())
    assert suffixes == {".tif": 5, ".qml": 5, ".xml": 1, ".csv": 1, ".json": 1}


@pytest.mark.parametrize("workers", [2, 7])
def test_threads_that_read_do_not_matter(tmp_path, whole, workers):
    map_of(tmp_path, workers=workers)
    assert pixels_of(tmp_path) == whole


@pytest.mark.parametrize("plan", [MULTIPLE, CROP], ids=["multiple", "crop"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_part_is_the_wholes(plan, dtype):
    setup = PredictionSetup(plan, len(LEGEND), PATCH, BATCH, CPU, with_entropy=True)
    model, reader = NormalisedUNet(dtype), reader_of()

    def rows_of(part):
        rows = list(RowStream(model, reader, setup, part))
        kinds = ("probabilities", "valid", "entropy")
        return [torch.cat([getattr(r, kind) for r in rows], dim=-2) for kind in kinds]

    everything = rows_of(None)
    for part in (Window(0, 0, 50, 101), Window(40, 0, 1, 101), Window(97, 33, 34, 20), Window(5, 100, 3, 1)):
        rows, cols = part.slices_in(reader.grid.window)
        for found, expected in zip(rows_of(part), everything, strict=True):
            assert torch.equal(found, expected[..., rows, cols]), part


def test_other_batches_and_threads_round_alike_to_a_hundred_thousandth():
    """fp32 probabilities agree within 1e-5, and classes but where the top two lie within that."""
    found = []
    for batch, threads in ((1, 1), (3, 1), (16, 1), (64, 1), (5, 2)):
        setup = PredictionSetup(MULTIPLE, len(LEGEND), PATCH, batch, CPU).fitted_to(reader_of().grid.window)
        torch.set_num_threads(threads)
        try:
            rows = list(RowStream(NormalisedUNet(), reader_of(), setup))
        finally:
            torch.set_num_threads(1)
        found.append(torch.cat([r.probabilities for r in rows], dim=1))
    top = found[0].topk(2, dim=0).values
    for other in found[1:]:
        assert (other - found[0]).abs().max() < 1e-5
        differs = other.argmax(dim=0) != found[0].argmax(dim=0)
        assert not (differs & (top[0] - top[1] >= 1e-5)).any()


def region_of(folder, reader, *windows):
    """Write windows of a reader's grid as the polygons of a region; return the file."""
    shapes = [shapely.box(*reader.grid.bounds(window)) for window in windows]
    folder.mkdir(exist_ok=True)
    gpd.GeoDataFrame(geometry=shapes, crs=reader.grid.crs).to_file(folder / "region.gpkg")
    return str(folder / "region.gpkg")


def test_a_region_is_the_wholes_inside_and_nodata_outside(tmp_path, whole):
    parts = Window(30, 20, 20, 40), Window(60, 45, 40, 35)
    result = map_of(tmp_path, region=region_of(tmp_path, reader_of(), *parts))
    everything = np.frombuffer(whole["map.tif"], np.uint8).reshape(131, 101)
    mask = np.zeros((131, 101), bool)
    for part in parts:
        mask[part.slices_in(Window(0, 0, 131, 101))] = True
    with rasterio.open(tmp_path / "maps" / "map.tif") as dataset:
        assert dataset.shape == (70, 60)
        assert dataset.bounds.top == 8_000_000 - 30 * 0.5
        assert dataset.bounds.left == 300_000.5 + 20 * 0.5
        found = dataset.read(1)
    np.testing.assert_array_equal(found, np.where(mask, everything, 255)[30:100, 20:80])
    assert sum(class_pixels_of(result)) == (found != 255).sum()


def test_only_patches_that_meet_the_region_are_predicted(tmp_path):
    reader = ArrayReader(random_image(320, 320))
    region = region_of(tmp_path, reader, Window(10, 10, 1, 1), Window(300, 200, 1, 1))
    result = map_of(tmp_path, reader=reader, plan=SINGLE, outputs=[], region=region)
    assert (result.patches, sum(class_pixels_of(result))) == (2, 2)


class CutError(Exception):
    """Something that stops a prediction."""


class CutOff(NormalisedUNet):
    """Stops after some batches."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def __call__(self, image, valid):
        if len(self.batches) == self.after:
            raise CutError
        return super().__call__(image, valid)


@pytest.mark.parametrize("after", [1, 12, 20, 27])
def test_an_interrupted_prediction_resumes(tmp_path, whole, after):
    total = NormalisedUNet()
    map_of(tmp_path / "uncut", total, strip=16)
    with pytest.raises(CutError):
        map_of(tmp_path / "cut", CutOff(after), strip=16)
    assert not list((tmp_path / "cut" / "maps").glob("*.tif")), "something stands at the final path"
    rest = NormalisedUNet()
    result = map_of(tmp_path / "cut", rest, strip=16)
    assert pixels_of(tmp_path / "cut") == whole
    cut, uncut = ({p.name for p in (tmp_path / name / "maps").iterdir()} for name in ("cut", "uncut"))
    assert cut == uncut
    if after == 27:
        assert result.strips_resumed > 0  # how many depends on how far the writing was behind
        assert len(rest.batches) < len(total.batches) - result.strips_resumed, "finished strips were made again"
    if after == 1:
        assert result.strips_resumed == 0


def test_strips_with_holes_between_are_filled(tmp_path, whole):
    with pytest.raises(CutError):
        map_of(tmp_path, CutOff(27), strip=16)
    folder = unfinished(tmp_path)
    done = sorted(folder.glob("strip_*.json"))
    assert len(done) >= 4
    done[1].unlink()
    done[3].unlink()
    result = map_of(tmp_path, strip=999)  # which only counts for maps that are begun
    assert (result.strips, result.strips_resumed) == (9, len(done) - 2)
    assert pixels_of(tmp_path) == whole


@pytest.mark.parametrize("harm", ["damaged", "altered", "cut short", "missing"])
def test_a_damaged_strip_is_predicted_again(tmp_path, whole, harm):
    with pytest.raises(CutError):
        map_of(tmp_path, CutOff(27), strip=16)
    folder = unfinished(tmp_path)
    strip = folder / "probabilities_00001.tif"
    content = bytearray(strip.read_bytes())
    strip.unlink()
    if harm == "damaged":
        content[len(content) // 2] ^= 255
    if harm == "altered":  # and sound as a file
        strip.write_bytes(content)
        with rasterio.open(strip, "r+") as data:
            values = data.read()
            values[0, 0, 0] ^= 1
            data.write(values)
    elif harm != "missing":
        strip.write_bytes(content[: len(content) // 2] if harm == "cut short" else content)
    before = len(list(folder.glob("strip_*.json")))
    assert map_of(tmp_path).strips_resumed == before - 1
    assert pixels_of(tmp_path) == whole


@pytest.mark.parametrize("change", ["checkpoint", "batch", "outputs", "plan", "imagery"])
def test_nothing_of_another_setting_is_mixed_in(tmp_path, change):
    with pytest.raises(CutError):
        map_of(tmp_path, CutOff(27), strip=16, checkpoint=b"a")
    image = tmp_path / "scene" / "image.tif"
    before = image.stat()
    if change == "imagery":
        os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))
    more = {"batch": {"batch": 4}, "outputs": {"outputs": []}, "plan": {"plan": CHEAP}}
    result = map_of(tmp_path, checkpoint=b"b" if change == "checkpoint" else b"a", **more.get(change, {}))
    assert result.strips_resumed == 0
    assert unfinished(tmp_path), "what was unfinished of other settings is left alone"
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert map_of(tmp_path, checkpoint=b"a").strips_resumed > 0
    assert not list((tmp_path / "maps").glob(".*.part"))


def test_an_unfinished_map_of_other_settings_is_reported(tmp_path, capsys):
    with pytest.raises(CutError):
        map_of(tmp_path, CutOff(27), strip=16, checkpoint=b"a")
    with StripStore.begin(
        tmp_path / "maps" / "map.tif", reader_of().grid, Window(0, 0, 131, 101), products(LEGEND, LAYERS),
        {"checkpoint": "b", "passes": 1}, strip_rows=16, threads=1, processor="x",
    ) as store:  # fmt: skip
        ((folder, differing),) = store.others
    assert folder.name.startswith(".map.tif.")
    assert {"checkpoint", "passes"} <= set(differing)
    assert list((tmp_path / "maps").iterdir()) == [folder], "an empty folder is left"
    capsys.readouterr()
    map_of(tmp_path, checkpoint=b"b")
    assert f"An unfinished map by other settings (checkpoint) was left as it is: {folder}" in capsys.readouterr().out


def test_a_map_keeps_the_threads_and_strips_it_was_begun_with(tmp_path):
    def begin(rows, threads):
        return StripStore.begin(
            tmp_path / "m.tif", reader_of(40, 9).grid, Window(0, 0, 40, 9), products(LEGEND, []), {}, strip_rows=rows,
            threads=threads, processor="here",
        )  # fmt: skip

    with begin(16, 3) as first:
        first.mark_done(first.strips()[0], {"classes": [1]}, [0] * 256)
    assert first.folder.is_dir()
    again = begin(20, 1)
    assert (again.threads, [s.stop for s in again.strips()]) == (3, [16, 32, 40])
    assert again.resumed == 0, "a strip without its file counts"
    with pytest.raises(LulcsegError, match=r"m\.tif: another process is making this map"):
        begin(16, 3)
    again.__exit__(None, None, None)
    assert not again.folder.exists()


def test_a_killed_prediction_resumes(tmp_path, whole):
    """A process that is killed without a chance to tidy up, while it writes."""
    (tmp_path / "m").mkdir()
    layers = ["probabilities", "confidence", "entropy", "disagreement"]
    for after in (22, 5):  # the second time it goes on, and is killed again
        done = map_and_be_killed(tmp_path / "m", after, layers)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not list((tmp_path / "m" / "maps").glob("*.tif"))
    result = map_of(tmp_path / "m")
    assert result.strips_resumed >= 2
    assert pixels_of(tmp_path / "m") == whole
    assert not list((tmp_path / "m" / "maps").glob(".*"))


def test_finished_strips_are_kept_when_the_disk_fills_up(tmp_path, whole, monkeypatch):
    closed = StripStore.mark_done

    def full(self, strip, checksums, counts):
        if strip.number == 3:
            raise LulcsegError("it can't be written (No space left on device)", where=self.folder)
        closed(self, strip, checksums, counts)

    monkeypatch.setattr(StripStore, "mark_done", full)
    with pytest.raises(LulcsegError, match="No space left on device"):
        map_of(tmp_path, strip=16)
    monkeypatch.undo()
    assert map_of(tmp_path).strips_resumed == 3
    assert pixels_of(tmp_path) == whole


@pytest.mark.parametrize("room", [3000, 20_000, 200_000])
def test_a_disk_that_fills_up_is_noticed_wherever(tmp_path, room):
    """A limit on the size of files is used in place of a full disk; near the end GDAL itself reports nothing."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    reader = ArrayReader(np.random.default_rng(0).integers(0, 4, (1, 700, 600), dtype=np.uint8))
    write_scene(tmp_path / "scene", reader)

    def noise(image, valid):
        return 5 * torch.nn.functional.one_hot(image[:, 0].long(), len(LEGEND)).permute(0, 3, 1, 2).float()

    def run():
        map_reader(tmp_path, noise, reader, SINGLE, patch=100, batch=4, outputs=["probabilities"])

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(LulcsegError, match="space left on the disk"):
            run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((tmp_path / "maps").glob("*.tif"))
    run()
    np.testing.assert_array_equal(codes_of(tmp_path), CODES[reader.image[0]])


def test_missing_and_impossible_places_are_named_with_the_remedy(tmp_path):
    with pytest.raises(LulcsegError, match=r"nowhere: the output folder does not exist; create it"):
        map_of(tmp_path, out=tmp_path / "nowhere" / "m.tif")
    (tmp_path / "maps" / "m.tif").mkdir()
    with pytest.raises(LulcsegError, match="is a folder"):
        map_of(tmp_path, out=tmp_path / "maps" / "m.tif")
    assert [p.name for p in (tmp_path / "maps").iterdir()] == ["m.tif"]


def test_a_folder_that_refuses_files_is_named(tmp_path, monkeypatch):
    mkdir = Path.mkdir

    def refuse(self, *args, **kwargs):
        if self.name.endswith(".part"):
            raise PermissionError(13, "Permission denied")
        mkdir(self, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(LulcsegError, match=r"map\.tif: can't be written \(Permission denied\); check the folder's"):
        map_of(tmp_path)


def test_files_are_put_in_place_with_the_map_last(tmp_path, monkeypatch):
    renamed, replace = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, to: renamed.append(Path(to).name) or replace(self, to))
    map_of(tmp_path, outputs=["confidence"])
    names = ["map.json", "map.qml", "map.tif.aux.xml", "map_areas.csv", "map_confidence.qml", "map_confidence.tif"]
    assert renamed[-7:] == [*names, "map.tif"]


def test_layers_do_not_inherit_an_old_sidecar(tmp_path):
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "map_confidence.tif.aux.xml").write_text("of an old file")
    map_of(tmp_path, outputs=["confidence"])
    assert [p.name for p in (tmp_path / "maps").glob("*.aux.xml")] == ["map.tif.aux.xml"]


def test_notes_of_a_strip_hold_its_counts(tmp_path):
    with pytest.raises(CutError):
        map_of(tmp_path, CutOff(27), strip=16)
    folder = unfinished(tmp_path)
    note = json.loads((folder / "strip_00000.json").read_text())
    with rasterio.open(folder / "classes_00000.tif") as strip:
        codes = strip.read(1)
    assert note["rows"] == [0, 16]
    assert note["counts"] == np.bincount(codes.ravel(), minlength=256).tolist()
    result = map_of(tmp_path)
    everything = np.bincount(codes_of(tmp_path).ravel(), minlength=256)
    assert class_pixels_of(result) == everything[LEGEND.codes].tolist()
    assert sum(class_pixels_of(result)) == everything[:255].sum()


def test_the_grid_of_a_part_is_cut_from_the_whole(tmp_path):
    mosaic = Grid("EPSG:28355", 100.0, 900.0, 2.0, 1.0, 50, 60)
    with StripStore.begin(
        tmp_path / "m.tif", mosaic, Window(3, 5, 20, 30), products(LEGEND, []), {}, strip_rows=16, threads=1,
        processor="",
    ) as store:  # fmt: skip
        assert store.grid == Grid("EPSG:28355", 110.0, 897.0, 2.0, 1.0, 20, 30)
        assert store.strip_grid(store.strips()[1]) == Grid("EPSG:28355", 110.0, 881.0, 2.0, 1.0, 4, 30)


@pytest.mark.parametrize("plan", [SINGLE, MULTIPLE, CROP], ids=["single", "multiple", "crop"])
@pytest.mark.parametrize("step", [7, 16, 40])
@pytest.mark.parametrize("stop", [20, 55, 97, 131])
def test_rows_that_go_on_until_they_are_stopped_are_the_wholes(plan, step, stop):
    setup = PredictionSetup(plan, len(LEGEND), PATCH, BATCH, CPU)
    model, reader = NormalisedUNet(), reader_of()
    whole = torch.cat([r.probabilities for r in RowStream(model, reader, setup)], dim=1)
    asked = []

    def goes_on(row):
        asked.append(row)
        return min(row + step, stop)

    rows = list(RowStream(model, reader, setup, Window(13, 0, 118, 101), goes_on=goes_on))
    assert torch.equal(torch.cat([r.probabilities for r in rows], dim=1), whole[:, 13:stop])
    assert asked == sorted(set(asked)), "a row is asked for twice"
