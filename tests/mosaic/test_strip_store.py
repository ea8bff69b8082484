"""Strips, parts and resuming: pixels are the same to the last byte, however a map came about."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import rasterio
import torch

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window
from lulcseg.legend import LandClass, Legend
from lulcseg.models.unet import UNet
from lulcseg.mosaic import strip_store as work_module
from lulcseg.mosaic.predict import predict_mosaic
from lulcseg.mosaic.products import products
from lulcseg.mosaic.stream import PredictionSetup, RowStream
from lulcseg.mosaic.strip_store import Strip, StripStore
from lulcseg.mosaic.strips import runs_of, share_of
from tests.mosaic.test_predict import ArrayReader, holes, random_image
from tests.support.pass_plans import CROP, MULTIPLE, SINGLE

LEGEND = Legend(tuple(LandClass(code, f"class {code}", f"#{code:02x}8040") for code in (30, 10, 0, 200)))
CPU = torch.device("cpu")
PATCH, BATCH = 32, 5
LAYERS = ["probabilities", "confidence", "entropy", "disagreement"]


class Network:
    """A U-Net as it would be trained: a class's scores depend on 32 pixels around."""

    def __init__(self, dtype=torch.float32):
        torch.manual_seed(4)
        self.network = UNet(3, len(LEGEND), filters=4, depth=2).eval().to(memory_format=torch.channels_last)
        self.dtype = dtype
        self.batches = []

    def __call__(self, image, valid):
        self.batches.append(len(image))
        scaled = (image.float() / 255 * valid[:, None]).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32):
            logits = self.network(scaled).float()
        centre, spread = logits.mean((2, 3), keepdim=True), logits.std((2, 3), keepdim=True)
        return 2 * (logits - centre) / spread  # so that every class comes up


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """With several, other processes on the machine make small networks wait."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def reader_of(height=131, width=101, seed=0):
    return ArrayReader(random_image(height, width, seed=seed), holes(height, width))


def map_of(folder, model=None, reader=None, *, plan=MULTIPLE, batch=BATCH, layers=LAYERS, **more):
    if not folder.exists():
        folder.mkdir()
    return predict_mosaic(
        model or Network(), reader or reader_of(), LEGEND, plan, patch=PATCH, batch=batch, device="cpu",
        out=folder / "map.tif", layers=layers, **more,
    )  # fmt: skip


def pixels(folder):
    """Every raster's pixels, as bytes."""
    found = {}
    for path in sorted(folder.glob("*.tif")):
        with rasterio.open(path) as dataset:
            found[path.name] = dataset.read().tobytes()
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory, one_thread):
    folder = tmp_path_factory.mktemp("whole")
    map_of(folder)
    found = pixels(folder)
    assert len(found) == 5
    assert len(set(found["map.tif"])) > 2, "a single class: nothing is tried"
    return found


@pytest.mark.parametrize("rows", [16, 37, 64, 1000])
def test_the_height_of_strips_does_not_matter(tmp_path, whole, rows):
    result = map_of(tmp_path, strip_rows=rows)
    assert result.strips == -(-131 // rows)
    assert pixels(tmp_path) == whole
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".tif"] * 5 + [".xml"]


@pytest.mark.parametrize("workers", [2, 7])
def test_threads_that_read_do_not_matter(tmp_path, whole, workers):
    reader = reader_of()
    reader.clone = reader_of
    map_of(tmp_path, reader=reader, workers=workers)
    assert pixels(tmp_path) == whole


@pytest.mark.parametrize("plan", [MULTIPLE, CROP], ids=["multiple", "crop"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_part_is_the_wholes(plan, dtype):
    setup = PredictionSetup(plan, len(LEGEND), PATCH, BATCH, CPU, with_entropy=True)
    model, reader = Network(dtype), reader_of()

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
        setup = PredictionSetup(MULTIPLE, len(LEGEND), PATCH, batch, CPU).fitted(reader_of().grid.window)
        torch.set_num_threads(threads)
        try:
            rows = list(RowStream(Network(), reader_of(), setup))
        finally:
            torch.set_num_threads(1)
        found.append(torch.cat([r.probabilities for r in rows], dim=1))
    top = found[0].topk(2, dim=0).values
    for other in found[1:]:
        assert (other - found[0]).abs().max() < 1e-5
        differs = other.argmax(dim=0) != found[0].argmax(dim=0)
        assert not (differs & (top[0] - top[1] >= 1e-5)).any()


def test_a_region_is_the_wholes_inside_and_nodata_outside(tmp_path, whole):
    part = Window(30, 20, 70, 60)
    mask = np.zeros((131, 101), bool)
    mask[40:90, 25:70] = True

    def wanted(window):
        return mask[window.slices_in(Window(0, 0, 131, 101))]

    result = map_of(tmp_path, part=part, wanted=wanted)
    assert result.pixels == 70 * 60
    everything = np.frombuffer(whole["map.tif"], np.uint8).reshape(131, 101)
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert dataset.bounds.top == 8_000_000 - 30 * 0.5
        assert dataset.bounds.left == 300_000.5 + 20 * 0.5
        found = dataset.read(1)
    np.testing.assert_array_equal(found, np.where(mask, everything, 255)[30:100, 20:80])


def test_only_patches_that_meet_the_region_are_predicted(tmp_path):
    reader = ArrayReader(random_image(320, 320))
    mask = np.zeros((320, 320), bool)
    mask[100, 200] = True
    result = map_of(
        tmp_path, reader=reader, plan=SINGLE, layers=[], wanted=lambda w: mask[w.slices_in(reader.grid.window)]
    )
    assert (result.patches, result.pixels_mapped) == (1, 1)


class CutError(Exception):
    """Something that stops a prediction."""


class CutOff(Network):
    """Stops after some batches."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def __call__(self, image, valid):
        if len(self.batches) == self.after:
            raise CutError
        return super().__call__(image, valid)


@pytest.mark.parametrize("after", [1, 12, 20, 27])
def test_it_goes_on_where_it_was_cut_off(tmp_path, whole, after):
    total = Network()
    map_of(tmp_path / "uncut", total, strip_rows=16)
    with pytest.raises(CutError):
        map_of(tmp_path / "cut", CutOff(after), strip_rows=16)
    assert not list((tmp_path / "cut").glob("*.tif")), "something stands at the final path"
    rest = Network()
    result = map_of(tmp_path / "cut", rest, strip_rows=16)
    assert pixels(tmp_path / "cut") == whole
    assert sorted(p.name for p in (tmp_path / "cut").iterdir()) == sorted(
        p.name for p in (tmp_path / "uncut").iterdir()
    )
    if after == 27:
        assert result.strips_resumed > 2
        assert len(rest.batches) < len(total.batches) - 12, "finished strips were made again"
    if after == 1:
        assert result.strips_resumed == 0


def test_strips_with_holes_between_are_filled(tmp_path, whole):
    with pytest.raises(CutError):
        map_of(tmp_path, CutOff(27), strip_rows=16)
    (folder,) = tmp_path.glob(".*.part")
    done = sorted(folder.glob("strip_*.json"))
    assert len(done) >= 4
    done[1].unlink()
    done[3].unlink()
    result = map_of(tmp_path, strip_rows=999)  # which counts for maps that are begun anew
    assert (result.strips, result.strips_resumed) == (9, len(done) - 2)
    assert pixels(tmp_path) == whole


@pytest.mark.parametrize("harm", ["damaged", "altered", "cut short", "missing"])
def test_a_damaged_strip_is_made_anew(tmp_path, whole, harm):
    with pytest.raises(CutError):
        map_of(tmp_path, CutOff(27), strip_rows=16)
    (folder,) = tmp_path.glob(".*.part")
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
    assert pixels(tmp_path) == whole


@pytest.mark.parametrize("change", ["checkpoint", "batch", "layers", "plan", "imagery"])
def test_nothing_of_another_setting_is_mixed_in(tmp_path, change):
    with pytest.raises(CutError):
        map_of(tmp_path, CutOff(27), strip_rows=16, identity={"checkpoint": "a", "imagery": [["x.tif", 5, 7]]})
    identity = {"checkpoint": "b" if change == "checkpoint" else "a", "imagery": [["x.tif", 5, 7]]}
    if change == "imagery":
        identity["imagery"][0][2] = 8
    more = {"batch": {"batch": 4}, "layers": {"layers": []}, "plan": {"plan": SINGLE}}.get(change, {})
    result = map_of(tmp_path, identity=identity, **more)
    assert result.strips_resumed == 0
    assert len(list(tmp_path.glob(".*.part"))) == 1, "what was unfinished of other settings is left alone"
    identity = {"checkpoint": "a", "imagery": [["x.tif", 5, 7]]}
    assert map_of(tmp_path, identity=identity).strips_resumed > 0
    assert not list(tmp_path.glob(".*.part"))


def test_an_unfinished_map_of_other_settings_is_told(tmp_path):
    with pytest.raises(CutError):
        map_of(tmp_path, CutOff(27), strip_rows=16, identity={"checkpoint": "a"})
    known = {"identity": {"checkpoint": "b", "passes": 1}, "strip_rows": 16, "threads": 1, "processor": "x"}
    with StripStore.begin(
        tmp_path / "map.tif", reader_of().grid, Window(0, 0, 131, 101), products(LEGEND, LAYERS), known["identity"],
        strip_rows=16, threads=1, processor="x",
    ) as work:  # fmt: skip
        ((folder, differing),) = work.others
    assert folder.name.startswith(".map.tif.")
    assert {"checkpoint", "passes"} <= set(differing)
    assert [p for p in tmp_path.iterdir() if p != folder] == [], "an empty folder is left"


def test_a_map_keeps_the_threads_and_strips_it_was_begun_with(tmp_path):
    def begin(rows, threads):
        return StripStore.begin(
            tmp_path / "m.tif", reader_of(40, 9).grid, Window(0, 0, 40, 9), products(LEGEND, []), {}, strip_rows=rows,
            threads=threads, processor="here",
        )  # fmt: skip

    with begin(16, 3) as first:
        first.note(first.strips()[0], {"classes": [1]}, [0] * 256)
    assert first.folder.is_dir()
    again = begin(20, 1)
    assert (again.threads, [s.stop for s in again.strips()]) == (3, [16, 32, 40])
    assert again.resumed == 0, "a strip without its file counts"
    with pytest.raises(LulcsegError, match=r"m\.tif: another process is making this map"):
        begin(16, 3)
    again.__exit__(None, None, None)
    assert not again.folder.exists()


def test_what_is_killed_goes_on(tmp_path, whole):
    """A process that is killed without a chance to tidy up, while it writes."""
    script = """
        import os, signal, sys
        from pathlib import Path
        from tests.mosaic.test_strip_store import Network, map_of

        class Killed(Network):
            def __call__(self, image, valid):
                if len(self.batches) == int(sys.argv[2]):
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().__call__(image, valid)

        map_of(Path(sys.argv[1]), Killed(), strip_rows=16)
    """
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    for after in (22, 5):  # the second time it goes on, and is killed again
        command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "m"), str(after)]
        done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not list((tmp_path / "m").glob("*.tif"))
    result = map_of(tmp_path / "m")
    assert result.strips_resumed >= 2
    assert pixels(tmp_path / "m") == whole
    assert not list((tmp_path / "m").glob(".*"))


def test_a_disk_that_fills_up_half_way_is_told_and_what_is_done_is_kept(tmp_path, whole, monkeypatch):
    closed = work_module.StripStore.note

    def full(self, strip, checksums, counts):
        if strip.number == 3:
            raise LulcsegError("it can't be written (No space left on device)", where=self.folder)
        closed(self, strip, checksums, counts)

    monkeypatch.setattr(work_module.StripStore, "note", full)
    with pytest.raises(LulcsegError, match="No space left on device"):
        map_of(tmp_path, strip_rows=16)
    monkeypatch.undo()
    assert map_of(tmp_path).strips_resumed == 3
    assert pixels(tmp_path) == whole


@pytest.mark.parametrize("room", [2000, 20_000, 200_000])
def test_a_disk_that_fills_up_is_noticed_wherever(tmp_path, room):
    """A limit on the size of files stands for a full disk; near the end GDAL itself reports nothing."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    reader = ArrayReader(np.random.default_rng(0).integers(0, 4, (1, 700, 600), dtype=np.uint8))

    def noise(image, valid):
        return 5 * torch.nn.functional.one_hot(image[:, 0].long(), len(LEGEND)).permute(0, 3, 1, 2).float()

    def run():
        return predict_mosaic(
            noise, reader, LEGEND, SINGLE, patch=100, batch=4, device="cpu", out=tmp_path / "map.tif",
            layers=["probabilities"],
        )  # fmt: skip

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(LulcsegError, match="space left on the disk"):
            run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.glob("*.tif"))
    run()
    with rasterio.open(tmp_path / "map.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), np.array(LEGEND.codes, np.uint8)[reader.image[0]])


def test_missing_and_impossible_places_are_named_with_the_remedy(tmp_path):
    with pytest.raises(LulcsegError, match=r"nowhere: the output folder does not exist; create it"):
        predict_mosaic(
            Network(), reader_of(), LEGEND, SINGLE, patch=32, batch=4, device="cpu", out=tmp_path / "nowhere" / "m.tif"
        )
    (tmp_path / "m.tif").mkdir()
    with pytest.raises(LulcsegError, match="is a folder"):
        predict_mosaic(Network(), reader_of(), LEGEND, SINGLE, patch=32, batch=4, device="cpu", out=tmp_path / "m.tif")
    assert [p.name for p in tmp_path.iterdir()] == ["m.tif"]


def test_a_folder_that_refuses_files_is_named(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("lulcseg.mosaic.strip_store.Path.mkdir", refuse)
    with pytest.raises(LulcsegError, match=r"map\.tif: can't be written \(Permission denied\); look at the folder's"):
        predict_mosaic(
            Network(), reader_of(), LEGEND, SINGLE, patch=32, batch=4, device="cpu", out=tmp_path / "map.tif"
        )


def test_files_are_put_in_place_with_the_map_last(tmp_path, monkeypatch):
    from pathlib import Path

    renamed, replace = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, to: renamed.append(Path(to).name) or replace(self, to))
    map_of(tmp_path, layers=["confidence"])
    assert renamed[-3:] == ["map.tif.aux.xml", "map_confidence.tif", "map.tif"]


def test_layers_do_not_inherit_an_old_sidecar(tmp_path):
    (tmp_path / "map_confidence.tif.aux.xml").write_text("of an old file")
    map_of(tmp_path, layers=["confidence"])
    assert {p.name for p in tmp_path.iterdir()} == {"map.tif", "map.tif.aux.xml", "map_confidence.tif"}


def test_shares_are_neighbours_and_together_all():
    strips = [Strip(i, 10 * i, 10 * i + 10) for i in (0, 1, 4, 5, 6, 9, 10)]
    for world in (1, 2, 3, 9):
        shares = [share_of(strips, rank, world) for rank in range(world)]
        assert [s for share in shares for s in share] == strips
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert [[s.number for s in run] for run in runs_of(strips)] == [[0, 1], [4, 5, 6], [9, 10]]
    assert list(runs_of([])) == []


def test_notes_of_a_strip_hold_its_counts(tmp_path):
    with pytest.raises(CutError):
        map_of(tmp_path, CutOff(27), strip_rows=16)
    (folder,) = tmp_path.glob(".*.part")
    note = json.loads((folder / "strip_00000.json").read_text())
    with rasterio.open(folder / "classes_00000.tif") as strip:
        codes = strip.read(1)
    assert note["rows"] == [0, 16]
    assert note["counts"] == np.bincount(codes.ravel(), minlength=256).tolist()
    result = map_of(tmp_path)
    with rasterio.open(tmp_path / "map.tif") as dataset:
        everything = np.bincount(dataset.read(1).ravel(), minlength=256)
    assert list(result.counts) == everything[LEGEND.codes].tolist()
    assert result.pixels_mapped == everything[:255].sum()


def test_the_grid_of_a_part_is_cut_from_the_whole(tmp_path):
    mosaic = Grid("EPSG:28355", 100.0, 900.0, 2.0, 1.0, 50, 60)
    with StripStore.begin(
        tmp_path / "m.tif", mosaic, Window(3, 5, 20, 30), products(LEGEND, []), {}, strip_rows=16, threads=1,
        processor="",
    ) as work:  # fmt: skip
        assert work.grid == Grid("EPSG:28355", 110.0, 897.0, 2.0, 1.0, 20, 30)
        assert work.grid_of(work.strips()[1]) == Grid("EPSG:28355", 110.0, 881.0, 2.0, 1.0, 4, 30)
