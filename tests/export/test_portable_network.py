"""The graph that is exported, before it is traced, against the predictor that maps are made with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lulcseg.augment.band_matching import BandMatching
from lulcseg.export.portable_matching import PortableMatching
from lulcseg.export.portable_network import PortableNetwork
from lulcseg.export.probe_check import probes
from lulcseg.models.pretrained import PretrainedWeights
from lulcseg.scene.band_table import Band
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.training.calibration import VECTOR, Calibration
from lulcseg.training.predictor import PatchPredictor
from tests.support.exports import STATISTICS, TOLERANCE, contrasted, expected, raw, trained

WEIGHTS = PretrainedWeights("a file", "not known", [0.4, 0.5, 0.3], [0.2, 0.25, 0.3])
BANDS = [
    Band("dsm.1", "float32", range=(600.0, 800.0)), Band("rgb.1", "uint8", True), Band("rgb.2", "uint8", True),
]  # fmt: skip
MIXED = {"dtype": "float32", "band_table": [band.to_plain() for band in BANDS]}
SETTINGS: dict[str, dict[str, Any]] = {
    "as they are": {},
    "16 bits": {"dtype": "uint16"},
    "signed": {"dtype": "int16", "scaling": ScalingSettings(range=[-500, 4000])},
    "floats": {"dtype": "float32"},
    "cut": {"scaling": ScalingSettings(range=[20, 180])},
    "normalised": {"weights": WEIGHTS},
    "patch, cut": {"scaling": ScalingSettings(method="min_max", over="patch", range=[20, 180])},
    "patch, by band": {"scaling": ScalingSettings(method="percentile", over="patch", per_band=True)},
    "patch, 16 bits": {"dtype": "uint16", "scaling": ScalingSettings(method="percentile", over="patch")},
    "patch, standardised": {"scaling": ScalingSettings(method="standardise", over="patch"), "weights": WEIGHTS},
    "training": {"scaling": ScalingSettings(method="percentile", over="training"), "statistics": STATISTICS},
    "sources": MIXED | {"scaling": ScalingSettings(method="percentile", over="patch")},
    "sources, training": MIXED | {"scaling": ScalingSettings("min_max", "training"), "statistics": STATISTICS},
    "batch": {"scaling": ScalingSettings(method="min_max", at_prediction="training"), "statistics": STATISTICS},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_it_does_what_the_predictor_does(name: str) -> None:
    task = contrasted(**SETTINGS[name])
    predictor = PatchPredictor(task, accelerator="cpu", precision="32-true")
    network = PortableNetwork(predictor)
    for image, valid in probes(task.record, 32):
        with torch.inference_mode():
            found = network(torch.from_numpy(raw(image, valid))).numpy()
        wanted = expected(predictor, image, valid)
        assert np.abs(found - wanted).max() < TOLERANCE
    assert wanted.std() > 0.01, "the model says nothing"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("over", [None, "mosaic"])
def test_what_is_known_of_a_mosaic_is_fixed(dtype: str, over: str | None) -> None:
    rng = np.random.default_rng(1)
    full = {"uint8": 250, "uint16": 60_000, "float32": 1}[dtype]
    own, theirs = ((np.sort(rng.integers(0, most, (3, 257)), axis=1) / 250 * full).tolist() for most in (250, 90))
    statistics = {
        part: {name: [value * full / 250 for value in values] for name, values in known.items()}
        for part, known in STATISTICS.items()
    }
    scaling = ScalingSettings() if over is None else ScalingSettings(method="min_max", over=over)
    task = contrasted(dtype=dtype, quantiles=own, scaling=scaling, statistics=statistics)
    plain = PatchPredictor(task, accelerator="cpu", precision="32-true")
    predictor = plain.of_mosaic(None if over is None else statistics, theirs)
    image, valid = next(iter(probes(task.record, 32)))
    with torch.inference_mode():
        found = PortableNetwork(predictor)(torch.from_numpy(raw(image, valid))).numpy()
    wanted = expected(predictor, image, valid)
    assert np.abs(found - wanted).max() < TOLERANCE
    unmatched = plain if over is None else plain.of_mosaic(statistics)
    assert np.abs(expected(unmatched, image, valid) - wanted).max() > 0.001


def test_knots_are_found_by_halving() -> None:
    rng = np.random.default_rng(2)
    mosaic = [np.sort(rng.integers(0, most, 257)).tolist() for most in (250, 3, 90)]  # bands of few distinct values too
    matching = BandMatching(mosaic, [np.sort(rng.random(257)).tolist() for _ in range(3)])
    image = torch.from_numpy(rng.uniform(-5, 260, (2, 3, 20, 20)).astype("float32")).round()
    torch.testing.assert_close(PortableMatching(matching)(image), matching(image), rtol=0, atol=1e-6)


def test_a_calibration_is_inside(tmp_path: Path) -> None:
    classes = len(contrasted().record.legend)
    vector = Calibration(VECTOR, tuple(np.linspace(0.4, 2, classes)), tuple(np.linspace(-1, 1, classes)))
    model = trained(tmp_path, vector)
    predictor = model.predictor(torch.device("cpu"))
    image, valid = next(iter(probes(model.record, 32)))
    with torch.inference_mode():
        found = PortableNetwork(predictor, calibration=vector)(torch.from_numpy(raw(image, valid))).numpy()
    wanted = expected(predictor, image, valid)
    assert np.abs(found - wanted).max() < TOLERANCE


def test_whole_numbers_that_are_off_by_the_last_bit_are_what_they_were() -> None:
    """As after a division by 255 and back: a nodata value would not be found."""
    network = PortableNetwork(PatchPredictor(contrasted(dtype="uint16"), accelerator="cpu"), nodata=65_535)
    image = torch.randint(0, 65_535, (1, 3, 32, 32)).float()
    image[:, :, :8] = 65_535
    off = image / 255 / torch.tensor(1 / 255)
    assert (off != image).any()
    assert (off[:, :, :8] != 65_535).any()
    with torch.inference_mode():
        assert torch.equal(network(off), network(image))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_nodata_value_means_no_imagery(dtype: str) -> None:
    """In all bands of integers, of which black is a colour; in any band of floats."""
    scaling = ScalingSettings(method="standardise", over="patch")
    predictor = PatchPredictor(contrasted(dtype=dtype, scaling=scaling), accelerator="cpu", precision="32-true")
    image = np.random.default_rng(3).integers(1, 200, (1, 3, 32, 32)).astype(dtype)
    image[:, :, :8] = 0
    image[:, 1, 20:] = 0
    valid = np.ones((1, 32, 32), dtype=bool)
    valid[:, :8] = False
    if dtype == "float32":
        valid[:, 20:] = False
    network = PortableNetwork(predictor, nodata=0)
    with torch.inference_mode():
        found = network(torch.from_numpy(image.astype("float32"))).numpy()
        without = PortableNetwork(predictor)(torch.from_numpy(image.astype("float32"))).numpy()
    wanted = expected(predictor, image, valid)
    assert np.abs(found - wanted).max() < TOLERANCE
    assert np.abs(without - wanted).max() > 0.001


def test_a_mosaic_is_matched_in_its_optical_bands() -> None:
    own = [[0.0, 50.0, 250.0]] * 3
    task = contrasted(**MIXED, quantiles=[[600.0, 700.0, 800.0], *own[1:]])
    plain = PatchPredictor(task, accelerator="cpu", precision="32-true")
    predictor = plain.of_mosaic(None, [[0.0, 1.0, 2.0], [0.0, 90.0, 250.0], [0.0, 20.0, 250.0]])
    for image, valid in probes(task.record, 32):
        with torch.inference_mode():
            found = PortableNetwork(predictor)(torch.from_numpy(raw(image, valid))).numpy()
        matched = image.copy()
        for band, knots in ((1, [0, 90, 250]), (2, [0, 20, 250])):
            matched[:, band] = np.interp(image[:, band], knots, [0, 50, 250])
        assert np.abs(found - expected(plain, matched, valid)).max() < TOLERANCE
        assert np.abs(found - expected(plain, image, valid)).max() > TOLERANCE
