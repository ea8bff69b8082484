"""Ensembles: equal to the mean of their models' maps, in one stream, and refused where models don't fit together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rasterio
import torch

from lulcseg.errors import LulcsegError
from lulcseg.legend import Legend
from lulcseg.mosaic.devices import Devices
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.mapping import map_scene
from lulcseg.mosaic.row_stream import PredictionSetup, RowStream
from lulcseg.mosaic.strip_store import StripStore
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.scene.scene import Scene
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.training.task import SegmentationTask
from tests.support.models import SMALL, record, save
from tests.support.mosaics import (
    LEGEND,
    ArrayReader,
    NormalisedUNet,
    holes,
    map_reader,
    pixels_of,
    random_image,
    write_scene,
)
from tests.support.pass_plans import CROP, MULTIPLE, SINGLE
from tests.support.whole_arrays import naive

LAYERS = ["probabilities", "confidence", "entropy", "disagreement"]
CPU = torch.device("cpu")


pytestmark = pytest.mark.usefixtures("one_thread")


class Place:
    """Logits that depend on the pixel and on its place in the patch."""

    def __init__(self, seed, patch=8):
        draw = torch.Generator().manual_seed(seed)
        self.kernel = torch.randn(len(LEGEND), 3, 3, 3, generator=draw) / 60
        self.place = torch.randn(len(LEGEND), patch, patch, generator=draw)

    def __call__(self, image, valid):
        return torch.nn.functional.conv2d(image.float(), self.kernel, padding=1) + self.place


def reader_of(height=61, width=53):
    return ArrayReader(random_image(height, width), holes(height, width))


def networks(count=3):
    return [NormalisedUNet(seed=seed) for seed in range(count)]


def map_of(folder, models, plan=MULTIPLE, *, batch=5, **more):
    folder.mkdir(exist_ok=True)
    return map_reader(folder, models, reader_of(), plan, patch=16, batch=batch, outputs=LAYERS, **more)


def rows_of(model, plan, models=1):
    setup = PredictionSetup(plan, len(LEGEND), 16, 5, CPU, models=models).fitted_to(reader_of().grid.window)
    return torch.cat([rows.probabilities for rows in RowStream(model, reader_of(), setup)], dim=1)


@pytest.mark.parametrize("plan", [SINGLE, CROP, MULTIPLE], ids=["single", "crop", "multiple"])
def test_several_models_give_the_mean_of_their_probabilities(plan):
    models = networks()
    alone = [rows_of(model, plan) for model in models]
    assert torch.equal(rows_of(models[:1], plan), alone[0]), "one of one isn't the model's own map"
    torch.testing.assert_close(rows_of(models, plan, 3), sum(alone) / 3, atol=1e-6, rtol=0)
    assert (alone[0] - alone[1]).abs().max() > 0.1, "the models agree: nothing is tried"


def test_one_model_in_an_ensemble_makes_the_same_files(tmp_path):
    model = networks(1)
    map_of(tmp_path / "plain", model[0])
    map_of(tmp_path / "list", model)
    assert pixels_of(tmp_path / "plain") == pixels_of(tmp_path / "list")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, one_thread):
    folder = tmp_path_factory.mktemp("whole")
    result = map_of(folder, networks())
    single = map_of(tmp_path_factory.mktemp("single"), networks(1))
    assert result.samples == 3 * single.samples
    return pixels_of(folder)


@pytest.mark.parametrize("more", [{"strip": 16}, {"workers": 5}, {"strip": 33, "workers": 2}])
def test_strips_and_readers_do_not_matter(tmp_path, whole, more):
    map_of(tmp_path, networks(), **more)
    assert pixels_of(tmp_path) == whole


def test_other_batches_round_alike(tmp_path, whole):
    map_of(tmp_path, networks(), batch=3)
    for name, found in pixels_of(tmp_path).items():
        here, there = (np.frombuffer(b, np.uint8).astype(int) for b in (found, whole[name]))
        if name != "map.tif":
            assert np.abs(here - there).max() <= 1


def test_a_map_that_was_cut_off_goes_on_and_another_ensembles_strips_are_left(tmp_path, whole, monkeypatch):
    closed = StripStore.mark_done

    def full(self, strip, checksums, counts):
        if strip.number == 2:
            raise LulcsegError("no space", where=self.folder)
        closed(self, strip, checksums, counts)

    with monkeypatch.context() as patch:
        patch.setattr(StripStore, "mark_done", full)
        with pytest.raises(LulcsegError, match="no space"):
            map_of(tmp_path, networks(), strip=16)
    (kept,) = (tmp_path / "maps").glob(".*.part")
    assert len(list(kept.glob("strip_*.json"))) == 2
    assert map_of(tmp_path, networks(2), strip=16).strips_resumed == 0, "strips of three models were taken for two"
    assert map_of(tmp_path, networks(), strip=16).strips_resumed == 2
    assert pixels_of(tmp_path) == whole


@pytest.mark.parametrize("overlapping", [False, True])
def test_disagreement_is_split_between_models_and_views(tmp_path, overlapping):
    reader = ArrayReader(random_image(19, 26), holes(19, 26))
    models = [Place(1), Place(2), Place(3)]
    turns = [(k, False) for k in range(4)]
    axis = np.arange(8) - 3.5
    passes, weight = [(0, 0, [(0, False)])], np.ones((8, 8))
    if overlapping:
        passes, weight = [(0, 0, turns), (-4, -4, turns)], 1 - np.hypot(axis[:, None], axis) / np.hypot(4, 4)
    map_reader(tmp_path, models, reader, MULTIPLE if overlapping else SINGLE, outputs=["disagreement"])
    shares = naive(models, reader, passes, 8, weight)
    entropy = -(shares * np.log(shares)).sum(0)
    expected = [entropy - naive.entropy, naive.shared - naive.entropy, entropy - naive.shared]
    with rasterio.open(tmp_path / "maps" / "map_disagreement.tif") as dataset:
        assert dataset.descriptions == ("disagreement", "between models", "between views")
        stored = dataset.read()
    assert (stored[:, ~reader.valid] == 255).all()
    for band, values in zip(stored, expected, strict=True):
        found = values / np.log(len(LEGEND))
        np.testing.assert_allclose(band[reader.valid] * 0.004, found[reader.valid], atol=0.0021)
        assert found.min() > -1e-9
    assert expected[1].max() > 0.02, "no models disagree: nothing is tried"
    assert (expected[2].max() > 0.02) == overlapping


def test_models_that_agree_disagree_only_between_views(tmp_path):
    reader = ArrayReader(random_image(16, 16))
    map_reader(tmp_path, [Place(1), Place(1)], reader, MULTIPLE, outputs=["disagreement"])
    with rasterio.open(tmp_path / "maps" / "map_disagreement.tif") as dataset:
        whole, models, views = dataset.read()
    assert (models == 0).all()
    assert (whole == views).all()
    assert whole.max() > 0


def member(folder, name, **changes):
    """Save a small model, and return it as loaded."""
    torch.manual_seed(len(name))
    path = save(SegmentationTask(record(**changes)), folder / f"{name}.ckpt")
    return TrainedModel(SegmentationTask.load_from_checkpoint(path), path, "32-true", Devices("cpu"))


RENAMED = [{**entry, "name": f"{entry['name']}!"} for entry in record().legend]
DIFFERING = {
    "legend": {"legend": RENAMED},
    "order": {"legend": record().legend[::-1]},
    "number of bands (4)": {"bands": 4},
    "type of imagery (uint16)": {"dtype": "uint16"},
    "resolution (0.6 × 0.6 m)": {"resolution": [0.6, 0.6]},
    "scaling.method (percentile)": {"scaling": ScalingSettings(method="percentile", over="patch")},
}


@pytest.mark.parametrize("what", DIFFERING)
def test_models_that_differ_in_what_a_map_is_made_of_are_refused(tmp_path, what):
    first, other = member(tmp_path, "first"), member(tmp_path, "other", **DIFFERING[what])
    with pytest.raises(LulcsegError) as error:
        Ensemble((first, other))
    assert "its " + what.replace("order", "legend") in str(error.value)
    assert str(first.checkpoint) in str(error.value)
    assert str(other.checkpoint) in str(error.value)


def test_what_models_may_differ_in(tmp_path):
    first = member(tmp_path, "first")
    recoloured = [{**entry, "colour": "#123456"} for entry in record().legend]
    other = member(
        tmp_path, "second", legend=recoloured, model=replace(SMALL, filters=6), seed=3, resolution=[0.52, 0.5]
    )
    ensemble = Ensemble((first, other))
    assert ensemble.legend == Legend.from_plain(record().legend)
    assert len(set(ensemble.checksums)) == 2


def test_the_same_model_twice_is_refused(tmp_path):
    first = member(tmp_path, "first")
    copy = tmp_path / "copy.ckpt"
    copy.write_bytes(first.checkpoint.read_bytes())
    with pytest.raises(LulcsegError, match=r"copy\.ckpt: it is the same model as .*first\.ckpt"):
        Ensemble((first, replace(first, checkpoint=copy)))


def test_patches_of_different_sizes_need_one_that_is_stated(tmp_path):
    ensemble = Ensemble((member(tmp_path, "first"), member(tmp_path, "second", patch_size=64)))
    with pytest.raises(
        LulcsegError, match=r"patches of 32 pixels .*first.* and 64 pixels .*second.*mosaic\.patch_size"
    ):
        ensemble.patch_size(MosaicSettings())
    assert ensemble.patch_size(MosaicSettings(patch_size=48)) == 48


def test_weights_that_do_not_fit_together_are_moved_for_each_batch(tmp_path, monkeypatch, capsys):
    reader = ArrayReader(random_image(40, 40))
    path = write_scene(tmp_path / "scene", reader)
    legend = LEGEND.to_plain()
    members = tuple(member(tmp_path, name, legend=legend) for name in ("a", "bb", "ccc"))
    scene = Scene.open(str(path), tmp_path / "cache")
    found = {}
    for together in (True, False):
        monkeypatch.setattr(Ensemble, "_fit_together", lambda self, device, fits=together: fits)
        out = tmp_path / f"{together}.tif"
        map_scene(Ensemble(members), scene, MosaicSettings(outputs=["probabilities"]), out, label="single")
        found[together] = (tmp_path / f"{together}_probabilities.tif").read_bytes()
    assert found[True] == found[False]
    assert "moved there one after another" in capsys.readouterr().out
