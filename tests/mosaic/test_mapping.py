"""Maps of tiny mosaics: equal to a naive whole-array computation, and nothing is left when one fails."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import torch

from lulcseg.errors import LulcsegError
from lulcseg.mosaic import mapping
from lulcseg.mosaic.passes import Pass, PassPlan, plan_from
from lulcseg.mosaic.row_stream import PredictionSetup, RowStream
from lulcseg.mosaic.weight_windows import WEIGHTS, weight_window
from lulcseg.progress import Bars
from tests.support.mosaics import (
    CODES,
    LEGEND,
    ArrayReader,
    class_pixels_of,
    codes_of,
    holes,
    map_reader,
    random_image,
    settings_of,
)
from tests.support.pass_plans import CHEAP, CROP, MULTIPLE, SINGLE
from tests.support.whole_arrays import naive

SIZES = [(1, 1), (1, 13), (3, 5), (8, 8), (16, 24), (13, 29), (31, 17)]


class FixedConvolution:
    """Logits that depend on the neighbourhood, on the place in the patch and on validity, so that any slip shows."""

    def __init__(self, bands, patch, classes=4, *, equivariant=False):
        draw = torch.Generator().manual_seed(3)
        self.kernel = torch.randn(classes, bands, 3, 3, generator=draw) / 60
        self.place = torch.randn(classes, patch, patch, generator=draw)
        self.unseen = torch.randn(classes, patch, patch, generator=draw)
        self.batches = []
        if equivariant:
            self.kernel, self.place, self.unseen = (
                sum(torch.rot90(t, k, (-2, -1)) for k in range(4)) / 4 for t in (self.kernel, self.place, self.unseen)
            )

    def __call__(self, image, valid):
        assert image.dtype == torch.uint8
        assert valid.dtype == torch.bool
        self.batches.append(len(image))
        seen = torch.nn.functional.conv2d(image.float(), self.kernel, padding=1)
        return seen + self.place + self.unseen * ~valid[:, None]


def constant(index):
    def model(image, valid):
        logits = torch.zeros(len(image), len(LEGEND), *image.shape[2:])
        logits[:, index] = 0.1
        return logits

    return model


def identity(image, valid):
    return 5 * torch.nn.functional.one_hot(image[:, 0].long(), len(LEGEND)).permute(0, 3, 1, 2).float()


def map_of(tmp_path, model, reader, plan, **more):
    """Return the class map and what ``map_scene`` returned."""
    result = map_reader(tmp_path, model, reader, plan, **more)
    return codes_of(tmp_path), result


def setup_of(plan, *, patch=8, batch=3, **more):
    return PredictionSetup(plan, len(LEGEND), patch, batch, torch.device("cpu"), **more)


def probabilities_of(model, reader, plan, *, patch=8, batch=3, part=None, **more):
    """(K, H, W) float32 and (H, W) bool."""
    setup = setup_of(plan, patch=patch, batch=batch, **more).fitted_to(reader.grid.window)
    rows = list(RowStream(model, reader, setup, part))
    first = part.row if part else 0
    ends = first + np.cumsum([0] + [r.valid.shape[0] for r in rows])
    assert [r.row for r in rows] == ends[:-1].tolist()
    assert all(r.valid.shape[0] <= patch for r in rows)
    return torch.cat([r.probabilities for r in rows], dim=1).numpy(), torch.cat([r.valid for r in rows]).numpy()


ROTATED = [(k, False) for k in range(4)]
ANY = PassPlan(
    (Pass(0, 0.5, (1,)), Pass(1 / 3, 0, (0, 3)), Pass(rotations=(2, 0, 1), flips=True)), weight="gaussian", trim=0.2
)
PLANS = {"single": SINGLE, "multiple": MULTIPLE, "cheap": CHEAP, "crop": CROP, "any": ANY}


def cone(patch):
    axis = np.arange(patch) - (patch - 1) / 2
    return 1 - np.hypot(axis[:, None], axis) / np.hypot(patch / 2, patch / 2)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_maps_here_are_made_with_the_plan_that_is_meant(plan):
    assert plan_from(settings_of(plan))[1] == plan


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("patch", [7, 8])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_identity_gives_the_input_back(tmp_path, plan, patch, height, width):
    image = random_image(height, width, bands=1, high=len(LEGEND))
    codes, _ = map_of(tmp_path, identity, ArrayReader(image), plan, patch=patch)
    np.testing.assert_array_equal(codes, CODES[image[0]])


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("index", range(len(LEGEND)))
def test_a_constant_stays_constant(tmp_path, plan, index):
    codes, _ = map_of(tmp_path, constant(index), ArrayReader(random_image(13, 29)), plan)
    assert (codes == LEGEND.codes[index]).all()


@pytest.mark.parametrize("patch", [5, 6])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 11), (12, 18), (13, 7)])
def test_multiple_passes_equal_a_naive_whole_array(patch, height, width):
    reader = ArrayReader(random_image(height, width), holes(height, width))
    model = FixedConvolution(3, patch)
    start = -((patch + 1) // 2)
    passes = [(0, 0, ROTATED), (start, start, ROTATED)]
    expected = naive(model, reader, passes, patch, cone(patch))
    found, valid = probabilities_of(model, reader, MULTIPLE, patch=patch, batch=5)
    np.testing.assert_array_equal(valid, reader.valid)
    np.testing.assert_allclose(found[:, valid], expected[:, valid], atol=2e-6)


def test_any_plan_equals_a_naive_whole_array():
    reader = ArrayReader(random_image(23, 19), holes(23, 19))
    model = FixedConvolution(3, 6)
    # a sixth of six pixels is cut off at each edge, so that patches lie four apart
    turned = [(2, False), (0, False), (1, False), (2, True), (0, True), (1, True)]
    passes = [(0, -2, [(1, False)]), (-3, 0, [(0, False), (3, False)]), (0, 0, turned)]
    axis = np.arange(6) - 2.5
    bell = np.exp(-0.5 * (axis[:, None] ** 2 + axis**2) / 1.5**2)
    found, valid = probabilities_of(model, reader, ANY, patch=6, batch=4)
    expected = naive(model, reader, passes, 6, bell, margin=1)
    np.testing.assert_allclose(found[:, valid], expected[:, valid], atol=2e-6)
    setup = setup_of(ANY, patch=6, batch=4, with_entropy=True)
    rows = list(RowStream(model, reader, setup))
    entropy = torch.cat([r.entropy for r in rows], dim=1).numpy()[0]
    np.testing.assert_allclose(entropy[valid], naive.entropy[valid], atol=2e-6)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_every_weight_equals_a_naive_whole_array(weight):
    reader = ArrayReader(random_image(13, 9))
    model = FixedConvolution(3, 6)
    plan = PassPlan((Pass(), Pass(0.5, 0.5)), weight=weight)
    found, _ = probabilities_of(model, reader, plan, patch=6)
    passes = [(0, 0, [(0, False)]), (-3, -3, [(0, False)])]
    np.testing.assert_allclose(found, naive(model, reader, passes, 6, weight_window(weight, 6)), atol=2e-6)


@pytest.mark.parametrize("patch", [7, 8])
def test_rotations_change_nothing_for_an_equivariant_model(patch):
    reader = ArrayReader(random_image(22, 30), holes(22, 30))
    model = FixedConvolution(3, patch, equivariant=True)
    one, valid = probabilities_of(model, reader, SINGLE, patch=patch)
    four, _ = probabilities_of(model, reader, PassPlan((Pass(rotations=(0, 1, 2, 3)),)), patch=patch)
    np.testing.assert_allclose(four[:, valid], one[:, valid], atol=1e-6)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_rotation_turns_image_and_validity_alike_and_the_answer_back(turns):
    reader = ArrayReader(random_image(8, 8), holes(8, 8))
    model = FixedConvolution(3, 8)
    upright = FixedConvolution(3, 8)
    upright.kernel, upright.place, upright.unseen = (
        torch.rot90(t, -turns, (-2, -1)) for t in (upright.kernel, upright.place, upright.unseen)
    )
    turned, valid = probabilities_of(model, reader, PassPlan((Pass(rotations=(turns,)),)))
    expected, _ = probabilities_of(upright, reader, SINGLE)
    np.testing.assert_allclose(turned[:, valid], expected[:, valid], atol=1e-6)


def test_the_batch_size_does_not_matter():
    reader = ArrayReader(random_image(37, 29), holes(37, 29))
    model = FixedConvolution(3, 8)
    first, valid = probabilities_of(model, reader, MULTIPLE, batch=1)
    for batch in (3, 4, 16):
        again, same = probabilities_of(model, reader, MULTIPLE, batch=batch)
        np.testing.assert_array_equal(same, valid)
        np.testing.assert_allclose(again, first, atol=1e-6)


def test_batches_are_full_and_of_one_shape():
    model = FixedConvolution(3, 8)
    reader = ArrayReader(random_image(16, 24))
    probabilities_of(model, reader, MULTIPLE, batch=5)  # (6 + 12) patches × 4 rotations
    assert model.batches == [5] * 15
    model.batches.clear()
    probabilities_of(model, reader, SINGLE, batch=500)
    assert model.batches == [6]


def test_nodata_in_is_nodata_out_and_empty_patches_cost_nothing(tmp_path, monkeypatch):
    valid = np.ones((24, 32), bool)
    valid[:9, :] = False
    valid[12, 5] = False
    reader = ArrayReader(random_image(24, 32, bands=1, high=4), valid)
    progress = record_progress(monkeypatch)
    codes, result = map_of(tmp_path, identity, reader, SINGLE)
    np.testing.assert_array_equal(codes, np.where(valid, CODES[reader.image[0]], 255))
    assert (result.patches, result.samples) == (8, 8)
    assert progress["patches"][-1] == (12, 12), "empty patches count as done"
    assert class_pixels_of(result) == [((reader.image[0] == index) & valid).sum() for index in range(4)]
    assert 0 < result.forward_seconds < result.seconds


@pytest.mark.parametrize("plan", [CROP, MULTIPLE, ANY], ids=["crop", "multiple", "any"])
def test_nodata_stays_where_it_is_in_any_plan(tmp_path, plan):
    valid = holes(29, 43)
    codes, _ = map_of(tmp_path, identity, ArrayReader(random_image(29, 43, bands=1, high=4), valid), plan)
    np.testing.assert_array_equal(codes == 255, ~valid)


def test_a_mosaic_without_a_valid_pixel_becomes_all_nodata(tmp_path):
    reader = ArrayReader(random_image(20, 20), np.zeros((20, 20), bool))

    def never(image, valid):
        raise AssertionError

    codes, result = map_of(tmp_path, never, reader, MULTIPLE)
    assert (codes == 255).all()
    assert (result.patches, class_pixels_of(result)) == (0, [0] * 4)


def test_probabilities_are_written_beside_the_map(tmp_path):
    reader = ArrayReader(random_image(19, 26), holes(19, 26))
    model = FixedConvolution(3, 8)
    codes, result = map_of(tmp_path, model, reader, MULTIPLE, outputs=["probabilities"])
    expected, valid = probabilities_of(model, reader, MULTIPLE)
    path = tmp_path / "maps" / "map_probabilities.tif"
    assert [p for p in result.files if p.suffix == ".tif"] == [path, tmp_path / "maps" / "map.tif"]
    with rasterio.open(path) as dataset:
        stored = dataset.read()
        assert dataset.descriptions == tuple(LEGEND.names)
        assert set(dataset.scales) == {0.004}
    assert (stored[:, ~valid] == 255).all()
    np.testing.assert_allclose(stored[:, valid] * 0.004, expected[:, valid], atol=0.0021)
    np.testing.assert_array_equal(codes[valid], CODES[expected.argmax(axis=0)][valid])
    assert (codes[~valid] == 255).all()


def test_layers_say_how_sure_the_map_is(tmp_path):
    reader = ArrayReader(random_image(19, 26), holes(19, 26))
    model = FixedConvolution(3, 8)
    names = ["disagreement", "confidence", "entropy"]
    _, result = map_of(tmp_path, model, reader, MULTIPLE, outputs=names)
    shares = naive(model, reader, [(0, 0, ROTATED), (-4, -4, ROTATED)], 8, cone(8))
    entropy = -(shares * np.log(shares)).sum(0)
    expected = {
        "confidence": shares.max(0),
        "entropy": entropy / np.log(len(LEGEND)),
        "disagreement": (entropy - naive.entropy) / np.log(len(LEGEND)),
    }
    rasters = [p.name for p in result.files if p.suffix == ".tif"]
    assert rasters == [*(f"map_{name}.tif" for name in sorted(names)), "map.tif"]
    for name, values in expected.items():
        with rasterio.open(tmp_path / "maps" / f"map_{name}.tif") as dataset:
            assert (dataset.count, dataset.descriptions, dataset.scales, dataset.nodata) == (1, (name,), (0.004,), 255)
            stored = dataset.read(1)
        assert (stored[~reader.valid] == 255).all()
        np.testing.assert_allclose(stored[reader.valid] * 0.004, values[reader.valid], atol=0.0021)
    assert expected["disagreement"].max() > 0.02, "nothing disagrees: it isn't tried"


def test_views_that_agree_do_not_disagree(tmp_path):
    reader = ArrayReader(random_image(16, 16))
    map_of(tmp_path, constant(1), reader, MULTIPLE, outputs=["disagreement", "entropy"])
    with rasterio.open(tmp_path / "maps" / "map_disagreement.tif") as dataset:
        assert (dataset.read() == 0).all()
    with rasterio.open(tmp_path / "maps" / "map_entropy.tif") as dataset:
        assert (dataset.read() > 200).all()


def record_progress(monkeypatch):
    """Return what each unit's bar will be called with."""
    called = {}

    class Recorder(Bars):
        def __call__(self, what, unit="sheets"):
            return lambda *counts: called.setdefault(unit, []).append(counts)

    monkeypatch.setattr(mapping, "Bars", Recorder)
    return called


def test_progress_counts_every_patch(tmp_path, monkeypatch):
    valid = np.ones((16, 16), bool)
    valid[8:, 8:] = False
    called = record_progress(monkeypatch)
    map_of(tmp_path, constant(0), ArrayReader(random_image(16, 16), valid), SINGLE)
    assert called["patches"] == [(3, 4), (4, 4)]  # a batch is three patches; the fourth is empty


def test_a_model_of_other_classes_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(LulcsegError, match="gives 7 classes"):
        map_of(tmp_path, FixedConvolution(3, 8, classes=7), ArrayReader(random_image(16, 16)), SINGLE)
    assert list((tmp_path / "maps").iterdir()) == []


def test_a_model_that_gives_no_numbers_is_refused(tmp_path):
    def broken(image, valid):
        return torch.full((len(image), len(LEGEND), *image.shape[2:]), torch.nan)

    with pytest.raises(LulcsegError, match="not numbers"):
        map_of(tmp_path, broken, ArrayReader(random_image(16, 16)), SINGLE)
    assert list((tmp_path / "maps").iterdir()) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_whatever_stops_it_the_old_map_stays(tmp_path, error):
    reader = ArrayReader(random_image(40, 8, bands=1, high=4))
    map_of(tmp_path, identity, reader, SINGLE, outputs=["probabilities"])
    maps = tmp_path / "maps"
    before = {f.name: f.read_bytes() for f in maps.iterdir()}
    assert {"map.tif", "map.tif.aux.xml", "map_probabilities.tif"} < set(before)
    calls = []

    def stops(image, valid):
        calls.append(1)
        if len(calls) == 4:
            raise error
        return constant(0)(image, valid)

    with pytest.raises(error):
        map_of(tmp_path, stops, reader, SINGLE, batch=1, outputs=["probabilities"])
    assert {f.name: f.read_bytes() for f in maps.iterdir()} == before


def test_what_is_held_does_not_grow_with_the_height():
    """The rows that wait, the patches read ahead and the strips handed on are bounded for a tall mosaic."""
    reader = ArrayReader(random_image(2000, 9))
    stream = RowStream(constant(1), reader, setup_of(MULTIPLE, batch=8))
    row = 0
    for rows in stream:
        assert rows.row == row
        assert rows.probabilities.shape == (len(LEGEND), rows.valid.shape[0], 9)
        row += rows.valid.shape[0]
        # Five patches (two columns, three) begin in the eight rows below; two batches' worth and one more wait.
        done = 5 * (row // 8 + 1)
        assert reader.asked <= done + 5 + 8
    assert row == 2000
