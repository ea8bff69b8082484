"""Maps by a network that sees patches at another scale: as Pillow resamples them, whoever maps which part."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from PIL import Image

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.mosaic.map_request import MapRequest
from lulcseg.mosaic.passes import plan_from
from lulcseg.mosaic.scaled_patches import ScaledPatches, resampled, scaled, scaled_size
from lulcseg.run.open_scenes import check_imagery
from lulcseg.scene.scene import Scene
from lulcseg.settings.mosaic import MosaicSettings
from tests.support.models import record
from tests.support.mosaics import (
    ArrayReader,
    NormalisedUNet,
    codes_of,
    holes,
    map_reader,
    pixels_of,
    random_image,
    request_of,
    share_reader,
    stopped_at_row,
)
from tests.support.pass_plans import CROP, MULTIPLE, SINGLE

SIZES = (6, 8, 11, 16, 21, 40)
WANTED = {"batch": 4, "patch": 16, "strip": 16, "outputs": ["probabilities", "disagreement"]}


pytestmark = pytest.mark.usefixtures("one_thread")


def reader() -> ArrayReader:
    return ArrayReader(random_image(40, 52), holes(40, 52))


def by_pillow(planes: np.ndarray, size: int) -> np.ndarray:
    """Resample (…, P, P) to (…, size, size) float32, plane by plane."""
    flat = planes.reshape(-1, *planes.shape[-2:]).astype("float32")
    found = [np.asarray(Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR)) for plane in flat]
    return np.stack(found).reshape(*planes.shape[:-2], size, size)


class PillowScaled:
    """What ``ScaledPatches`` is to do with bytes, one patch after another."""

    def __init__(self, model: Any, size: int) -> None:
        self.model, self.size = model, size

    def __call__(self, image: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        has = valid[:, None].numpy().astype("float32")
        cover = by_pillow(has, self.size)
        values = by_pillow(image.numpy() * has, self.size) / np.maximum(cover, 1e-9)
        seen = cover > 0.4999
        shown = torch.from_numpy(np.where(seen, values.round(), 0).astype("uint8"))
        logits = self.model(shown, torch.from_numpy(seen[:, 0]))
        return torch.from_numpy(by_pillow(logits.numpy(), image.shape[-1]))


@pytest.mark.parametrize("size", SIZES)
def test_patches_are_resampled_as_by_pillow(size: int) -> None:
    image = torch.from_numpy(random_image(16, 16).astype("float32"))[None]
    values, valid = resampled(image, torch.ones(1, 16, 16, dtype=torch.bool), size)
    assert valid.all()
    np.testing.assert_allclose(values.numpy(), by_pillow(image.numpy(), size), atol=1e-3)


@pytest.mark.parametrize("size", SIZES)
def test_pixels_without_imagery_do_not_count(size: int) -> None:
    valid = torch.from_numpy(holes(16, 16))[None]
    image = torch.where(valid[:, None], torch.full((1, 2, 16, 16), 7.5), torch.nan)
    values, seen = resampled(image, valid, size)
    cover = by_pillow(valid.numpy(), size)
    assert 0 < seen.float().mean() < 1
    np.testing.assert_array_equal(seen.numpy(), cover > 0.4999)
    torch.testing.assert_close(values, torch.where(seen[:, None], 7.5, 0.0).expand_as(values))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.uint16, torch.float32, torch.float64])
def test_values_keep_their_type(dtype: torch.dtype) -> None:
    image = torch.tensor([[[[10, 13], [10, 14]]]]).to(dtype)
    values, _ = resampled(image, torch.ones(1, 2, 2, dtype=torch.bool), 1)
    assert values.dtype == dtype
    assert values.item() == (11.75 if dtype.is_floating_point else 12)


def test_a_probability_of_nothing_is_no_missing_number() -> None:
    """Logarithms of an exported graph's probabilities may be −inf, and all classes' between two sure pixels."""

    def sure(image: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        share = torch.zeros(len(image), 2, *image.shape[2:])
        share[:, 0, :, :4], share[:, 1, :, 4:] = 1, 1
        return share.log()

    image, valid = torch.zeros(1, 1, 4, 4), torch.ones(1, 4, 4, dtype=torch.bool)
    shares = ScaledPatches(sure, 1.75)(image, valid).softmax(1)
    assert shares.isfinite().all()
    assert (shares[:, 0, :, :2] > 0.99).all()
    assert (shares[:, 1, :, 3:] > 0.99).all()


def test_a_patch_does_not_depend_on_its_batch() -> None:
    def model(image: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        return torch.cat([image.float(), valid[:, None].float()], dim=1).sin()

    images = torch.from_numpy(np.stack([random_image(16, 16, seed=k) for k in range(5)]))
    some = [np.random.default_rng(k).random((16, 16)) > 0.3 for k in range(4)]
    valid = torch.from_numpy(np.stack([holes(16, 16).T, *some]))
    for scale in (0.4, 0.75, 1.33, 2.5):
        seen = ScaledPatches(model, scale)
        together = seen(images, valid)
        assert together.shape == (5, 4, 16, 16)
        alone = torch.cat([seen(images[k : k + 1], valid[k : k + 1]) for k in range(5)])
        assert torch.equal(together, alone)
        assert torch.equal(together.flip(0), seen(images.flip(0), valid.flip(0)))


@pytest.mark.parametrize("plan", [SINGLE, MULTIPLE, CROP], ids=["single", "multiple", "crop"])
@pytest.mark.parametrize("scale", [0.75, 1.33])
def test_a_map_is_that_of_a_network_behind_pillow(tmp_path, plan, scale: float) -> None:
    networks = [NormalisedUNet(), NormalisedUNet(seed=5)]
    behind = [PillowScaled(network, scaled_size(16, scale)) for network in networks]
    map_reader(tmp_path / "own", networks, reader(), plan, scale=scale, **WANTED)
    map_reader(tmp_path / "pillow", behind, reader(), plan, **WANTED)
    found, expected = codes_of(tmp_path / "own"), codes_of(tmp_path / "pillow")
    assert len(np.unique(expected)) == 5
    assert (found == expected).mean() > 0.99
    np.testing.assert_array_equal(found == 255, ~reader().valid)
    map_reader(tmp_path / "plain", networks, reader(), plan, **WANTED)
    assert (codes_of(tmp_path / "plain") == expected).mean() < 0.9


def test_pixels_do_not_depend_on_strips_or_processes(tmp_path) -> None:
    asked = WANTED | {"scale": 1.33}
    map_reader(tmp_path / "whole", NormalisedUNet(), reader(), MULTIPLE, **asked)
    map_reader(tmp_path / "strips", NormalisedUNet(), reader(), MULTIPLE, **asked | {"strip": 32})
    share_reader(tmp_path / "shared", NormalisedUNet(), reader(), MULTIPLE, **asked)
    whole = pixels_of(tmp_path / "whole")
    assert whole == pixels_of(tmp_path / "strips") == pixels_of(tmp_path / "shared")


def test_a_map_begun_at_another_scale_is_kept_apart(tmp_path, capsys) -> None:
    with stopped_at_row(32):
        map_reader(tmp_path / "cut", NormalisedUNet(), reader(), SINGLE, scale=1.33, **WANTED)
    other = map_reader(tmp_path / "cut", NormalisedUNet(), reader(), SINGLE, scale=1.5, **WANTED)
    assert other.strips_resumed == 0
    assert "An unfinished map by other settings (scale) was left as it is" in capsys.readouterr().out
    found = map_reader(tmp_path / "cut", NormalisedUNet(), reader(), SINGLE, scale=1.33, **WANTED)
    assert found.strips_resumed > 0
    map_reader(tmp_path / "whole", NormalisedUNet(), reader(), SINGLE, scale=1.33, **WANTED)
    assert pixels_of(tmp_path / "cut") == pixels_of(tmp_path / "whole")


def test_a_scale_of_one_changes_nothing(tmp_path) -> None:
    asked = request_of(tmp_path / "a", NormalisedUNet(), reader(), SINGLE, patch=16)
    request = MapRequest.of(*asked)
    assert "scale" not in request.identity
    assert "scale" not in request.tags()
    models = [NormalisedUNet()]
    assert scaled(models, 1.0) == models
    assert plan_from(MosaicSettings())[0] == "single"


def test_the_scale_is_in_name_tags_and_description(tmp_path) -> None:
    assert plan_from(MosaicSettings(patch_size=64, scale=0.75))[0] == "single-patch64-scale0.75"
    result = map_reader(tmp_path, NormalisedUNet(), reader(), SINGLE, scale=1.33, **WANTED)
    with rasterio.open(result.path) as opened:
        assert opened.tags()["scale"] == "1.33"
        assert (opened.height, opened.width) == (40, 52)
    assert json.loads(result.path.with_suffix(".json").read_text())["properties"]["lulcseg:scale"] == "1.33"


def test_memory_grows_with_what_the_network_sees(tmp_path) -> None:
    said = []
    for scale in (1.0, 4.0):
        asked = request_of(tmp_path, NormalisedUNet(), reader(), SINGLE, patch=512, scale=scale)
        said.append(float(MapRequest.of(*asked).describe_memory().split(" GB")[0].split()[-1]))
    assert said[1] - said[0] == pytest.approx(4 * 2048**2 * (6 + 1 + 4) / 1e9, abs=0.25)


@pytest.mark.parametrize("value", ["0.2", "4.5", "nan", "two"])
def test_scales_out_of_bounds_are_refused(value: str) -> None:
    with pytest.raises(LulcsegError, match=r"mosaic\.scale"):
        compose("predict", [f"mosaic.scale={value}"])


def test_a_scale_may_stand_for_another_resolution(make_scene, cache) -> None:
    scene = Scene.open(str(make_scene("coarse", resolution=1.0)), cache)
    check_imagery(record(), scene, 2.0)
    check_imagery(record(resolution=[1.0, 1.0]), scene, 1.33)  # for its sharpness
    for scale in (1.0, 1.33):
        with pytest.raises(LulcsegError, match=r"measure 1 × 1 m.*or map it as it is with mosaic\.scale=2"):
            check_imagery(record(), scene, scale)
