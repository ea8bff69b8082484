"""Models of one class each, joined: shares, legends, and maps equal to what each model's own map says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from lulcseg.errors import LulcsegError
from lulcseg.legend import LandClass, Legend
from lulcseg.mosaic.devices import Devices
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.map_request import check_request
from lulcseg.mosaic.mapping import map_scene
from lulcseg.mosaic.one_against_all import OneAgainstAll, join_shares, joined, joined_legend
from lulcseg.mosaic.review_thresholds import review_confidence
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.scene.scene import Scene
from lulcseg.settings.combine import ONE_AGAINST_ALL
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.task import SegmentationTask
from tests.support.models import record, save
from tests.support.mosaics import LEGEND, ArrayReader, FunctionModel, holes, random_image, write_scene

pytestmark = pytest.mark.usefixtures("one_thread")

REST = LEGEND.classes[1]
OTHERS = [c for c in LEGEND if c != REST]


def of_class(own: LandClass, rest: LandClass = REST, *, first: bool = True) -> Legend:
    return Legend((own, rest) if first else (rest, own))


LEGENDS = [of_class(OTHERS[2], first=False), of_class(OTHERS[0]), of_class(OTHERS[1])]
FILES = [Path(f"{name}.ckpt") for name in "abc"]


def test_a_pixel_is_of_the_surest_class_or_of_the_rest_where_none_is_more_probable_than_not() -> None:
    shares = torch.rand(3, 40, 200, generator=torch.Generator().manual_seed(1))
    found = join_shares(shares)
    torch.testing.assert_close(found.sum(0), torch.ones(40, 200))
    expected = np.where(shares.amax(0) > 0.5, shares.argmax(0), 3)
    assert (found.argmax(0).numpy() == expected).all()
    assert len(np.unique(expected)) == 4


def test_classes_stand_in_order_of_code_whatever_the_order_of_models_and_logits() -> None:
    every = joined_legend(LEGENDS, FILES)
    assert every.codes == sorted(LEGEND.codes)
    assert set(every) == set(LEGEND)
    levels = torch.tensor([0.9, 0.6, 0.3])
    models = []
    for legend, level in zip(LEGENDS, levels, strict=True):
        logits = torch.stack([level, 1 - level] if legend.classes[1] == REST else [1 - level, level]).log()
        models.append(lambda image, valid, it=logits: it[None, :, None, None].expand(1, 2, 4, 4))
    carried = torch.softmax(OneAgainstAll(models, LEGENDS)(torch.zeros(1, 3, 4, 4), torch.ones(1, 4, 4)), 1)[0]
    found = joined(carried, LEGENDS, every)
    own = [next(c.name for c in legend if c != REST) for legend in LEGENDS]
    expected = dict(zip([*own, REST.name], [0.9, 0.6, 0.3, 0.1], strict=True))
    np.testing.assert_allclose(found[:, 0, 0], [expected[name] / 1.9 for name in every.names], atol=1e-6)


FOUR = Legend(tuple(LEGEND))
ELSEWHERE = Legend((LandClass(7, "Sea", "#000000"), LandClass(8, "Land", "#ffffff")))
RECODED = of_class(OTHERS[1], LandClass(77, REST.name, REST.colour))
SAME_CODE = of_class(LandClass(OTHERS[0].code, "Sea", "#000000"))


@pytest.mark.parametrize(
    ("legends", "sentence"),
    [
        (LEGENDS[:1], "joins several models, and this is one"),
        ([LEGENDS[0], FOUR], "this one knows 4"),
        ([LEGENDS[0], LEGENDS[1], ELSEWHERE], "this one knows Sea and Land"),
        ([LEGENDS[0], LEGENDS[0]], "all know class 200 and class 10|all know class 10 and class 200"),
        ([LEGENDS[0], LEGENDS[1], LEGENDS[0]], "class 200 is known by a.ckpt too"),
        ([LEGENDS[0], LEGENDS[1], SAME_CODE], "needs a code of each class: 30 is class 30 too"),
        ([LEGENDS[0], RECODED], "one code of class 10: it is 10 in a.ckpt and 77 here"),
    ],
)
def test_models_that_cannot_be_joined_are_refused(legends: list[Legend], sentence: str) -> None:
    with pytest.raises(LulcsegError, match=f"combine=one_against_all.*({sentence}).*lulcseg study class"):
        joined_legend(legends, FILES[: len(legends)])


def member(folder: Path, legend: Legend, name: str, **changes: object) -> TrainedModel:
    torch.manual_seed(len(name))
    path = save(SegmentationTask(record(legend=legend.to_plain(), **changes)), folder / f"{name}.ckpt")
    return TrainedModel(SegmentationTask.load_from_checkpoint(path), path, "32-true", Devices("cpu"))


@pytest.fixture
def members(tmp_path: Path) -> tuple[TrainedModel, ...]:
    return tuple(member(tmp_path, legend, name) for legend, name in zip(LEGENDS, ("a", "bb", "ccc"), strict=True))


@dataclass(frozen=True)
class OneClass(FunctionModel):
    """A function of one class and the rest."""

    legend: Legend = LEGENDS[0]

    @property
    def record(self) -> ModelRecord:
        return record(legend=self.legend.to_plain(), patch_size=8)


def varied(folder: Path, legend: Legend, seed: int) -> OneClass:
    """Return a model whose shares vary from pixel to pixel."""
    kernel = torch.randn(2, 3, 3, 3, generator=torch.Generator().manual_seed(seed)) / 90
    file = folder / f"{seed}.ckpt"
    file.write_bytes(bytes([seed]))
    network = lambda image, valid: torch.nn.functional.conv2d(image.float() - 128, kernel, padding=1)  # noqa: E731
    return OneClass(None, file, "32-true", Devices("cpu"), network=network, patch=8, legend=legend)


@pytest.mark.parametrize("passes", ["single", "multiple"])
def test_the_joined_map_is_what_each_models_own_map_says(tmp_path: Path, passes: str) -> None:
    members = tuple(varied(tmp_path, legend, seed) for seed, legend in enumerate(LEGENDS))
    reader = ArrayReader(random_image(70, 61), holes(70, 61))
    scene = Scene.open(str(write_scene(tmp_path / "scene", reader)), tmp_path / "cache")
    settings = replace(MosaicSettings(name=passes).with_preset(), outputs=["probabilities"], patch_size=8)
    shares = []
    for each in members:
        out = tmp_path / f"{each.checkpoint.stem}.tif"
        alone = map_scene(each, scene, settings, out, label="single")
        with rasterio.open(out.with_name(f"{out.stem}_probabilities.tif")) as data:
            own = next(k for k, name in enumerate(data.descriptions) if name != REST.name)
            shares.append(data.read(own + 1) * 0.004)
    ensemble = Ensemble(members, combine=ONE_AGAINST_ALL)
    made = map_scene(ensemble, scene, settings, tmp_path / "joined.tif", label="single")
    assert made is not None
    assert alone is not None
    assert made.samples == 3 * alone.samples
    with rasterio.open(tmp_path / "joined.tif") as data:
        codes, tags = data.read(1), data.tags()
    assert tags["combine"] == ONE_AGAINST_ALL
    own = np.array([next(c.code for c in legend if c != REST) for legend in LEGENDS])
    stacked = np.array(shares)
    expected = np.where(stacked.max(0) > 0.5, own[stacked.argmax(0)], REST.code)
    close = np.abs(stacked.max(0) - 0.5) < 0.005
    second, first = np.sort(stacked, axis=0)[-2:]
    close |= first - second < 0.009
    checked = reader.valid & ~close
    assert checked.mean() > 0.4
    assert (codes[checked] == expected[checked]).all()
    assert len(np.unique(codes[checked])) == 4
    with rasterio.open(tmp_path / "joined_probabilities.tif") as data:
        assert list(data.descriptions) == ensemble.legend.names
        total = data.read()[:, reader.valid].sum(0)
    assert np.abs(total.astype(int) - 250).max() <= 2


def test_scale_adaptation_and_precision_are_those_of_each_model(
    tmp_path: Path, members: tuple[TrainedModel, ...]
) -> None:
    ensemble = Ensemble(members, combine=ONE_AGAINST_ALL)
    assert len(ensemble) == 3
    assert ensemble.averaged == 1
    assert {tuple(record.to_legend().names) for record in ensemble.records} == {tuple(ensemble.legend.names)}
    assert ensemble.in_formats("torch.bfloat16").combine == ONE_AGAINST_ALL
    scene = Scene.open(str(write_scene(tmp_path / "scene", ArrayReader(random_image(40, 40)))), tmp_path / "cache")
    made = map_scene(ensemble, scene, MosaicSettings(scale=0.5), tmp_path / "half.tif", label="single")
    assert made is not None
    with pytest.raises(LulcsegError, match=r"review_precision.*leave it out with combine=one_against_all"):
        review_confidence(ensemble, MosaicSettings(review_precision=0.9, outputs=["review"]))


def test_models_of_one_class_differ_in_nothing_else(tmp_path: Path, members: tuple[TrainedModel, ...]) -> None:
    other = member(tmp_path, LEGENDS[2], "four", bands=4)
    with pytest.raises(LulcsegError, match=r"its number of bands \(4\) differs from that of .*a\.ckpt"):
        Ensemble((*members[:2], other), combine=ONE_AGAINST_ALL)
    with pytest.raises(LulcsegError, match=r"its legend.*or combine=one_against_all for models of one class each"):
        Ensemble(members)
    for wrong in ({"combine": "one_vs_all"}, {"adapt": "hist"}):
        with pytest.raises(LulcsegError, match=r"=.* doesn't exist; (did|use)"):
            Ensemble(members, **wrong)
    with pytest.raises(LulcsegError, match="no model is named"):
        Ensemble(())


def test_classes_stand_in_the_order_in_which_a_scene_lists_them(
    tmp_path: Path, members: tuple[TrainedModel, ...]
) -> None:
    scene = Scene.open(str(write_scene(tmp_path / "scene", ArrayReader(random_image(40, 40)))), tmp_path / "cache")
    ensemble = Ensemble(members, combine=ONE_AGAINST_ALL)
    assert ensemble.legend.codes == sorted(LEGEND.codes)
    there = ensemble.in_order_of([scene])
    assert there.legend.codes == LEGEND.codes
    assert {tuple(record.to_legend().codes) for record in there.records} == {tuple(LEGEND.codes)}
    for each, out in ((ensemble, tmp_path / "a.tif"), (there, tmp_path / "b.tif")):
        map_scene(each, scene, MosaicSettings(), out, label="single")
    with rasterio.open(tmp_path / "a.tif") as here, rasterio.open(tmp_path / "b.tif") as other:
        np.testing.assert_array_equal(here.read(1), other.read(1))
    with pytest.raises(LulcsegError, match="leave it out with combine=one_against_all"):
        check_request(scene, MosaicSettings(outputs=["disagreement"], name="multiple").with_preset(), ensemble)
