"""Scores of probabilities: against other implementations, and how well their standard errors cover."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import torch
from rich.console import Console
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from lulcseg.assessment.assess_files import assess_files
from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.console_reliability import print_reliability
from lulcseg.assessment.design_based import DesignRequest
from lulcseg.assessment.point_design import PointDesign
from lulcseg.assessment.reliability import Reliability, measure_reliability
from lulcseg.errors import LulcsegError
from lulcseg.legend import Legend
from lulcseg.maps.raster_layouts import class_layout, share_layout
from tests.conftest import CRS, LEFT, LEGEND, RES, TOP, write_raster

NAMES = [str(each["name"]) for each in LEGEND]
CODES = np.array([each["code"] for each in LEGEND], dtype=np.uint8)


def drawn(n: int, seed: int = 0, stretch: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities of an overconfident model, and reference classes."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, 3))
    reference = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    p = np.exp(stretch * logits)
    return p / p.sum(axis=1, keepdims=True), reference


def measured(p: np.ndarray, reference: np.ndarray, design: PointDesign | None = None) -> Reliability:
    return measure_reliability(
        p, reference, p.argmax(axis=1), design or PointDesign.simple_random(len(p)), named="simple random"
    )


def test_equal_weights_agree_with_scikit_learn_and_torchmetrics() -> None:
    p, reference = drawn(2000)
    p = np.maximum(p, 0.002)
    p /= p.sum(axis=1, keepdims=True)
    found = measured(p, reference)
    assert found.nll.value == pytest.approx(log_loss(reference, np.maximum(p, 0.002), labels=[0, 1, 2]), rel=1e-3)
    assert found.brier.value == pytest.approx(brier_score_loss(reference, p, labels=[0, 1, 2], scale_by_half=False))
    theirs = multiclass_calibration_error(
        torch.from_numpy(p), torch.from_numpy(reference), num_classes=3, n_bins=15, norm="l1"
    )
    assert found.ece.value == pytest.approx(float(theirs), abs=1e-6)
    assert sum(each.weight for each in found.bins) == pytest.approx(1)
    by_bins = sum(each.weight * abs(each.accuracy - each.confidence) for each in found.bins)
    assert by_bins == pytest.approx(found.ece.value)


def test_errors_of_a_simple_random_sample_are_textbook() -> None:
    p, reference = drawn(500)
    found = measured(p, reference)
    losses = ((p - np.eye(3)[reference]) ** 2).sum(axis=1)
    assert found.brier.se == pytest.approx(losses.std(ddof=1) / np.sqrt(500))
    fullest = max(found.bins, key=lambda each: each.points)
    share = fullest.accuracy * (1 - fullest.accuracy) / fullest.points
    assert fullest.error == pytest.approx(np.sqrt(share), rel=0.01)


def test_a_stratified_design_gives_the_population_and_covers() -> None:
    """A population in three strata of unequal size and quality, sampled equally: design weights matter."""
    rng = np.random.default_rng(1)
    sizes = np.array([20_000, 3_000, 1_000])
    parts = [drawn(n, seed, stretch) for seed, (n, stretch) in enumerate(zip(sizes, (1.3, 3.0, 6.0), strict=True))]
    p, reference = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    stratum = np.repeat(np.arange(3), sizes)
    truth = measured(p, reference)
    drawn_scores, unweighted = [], []
    for _ in range(400):
        sample = np.concatenate([rng.choice(np.flatnonzero(stratum == h), 150, replace=False) for h in range(3)])
        design = PointDesign.of_strata(stratum[sample], sizes, sizes, corrected=True)
        found = measured(p[sample], reference[sample], design)
        unweighted.append(measured(p[sample], reference[sample]).nll.value)
        drawn_scores.append(
            [(getattr(found, k).value, getattr(found, k).se) for k in ("brier", "nll", "overconfidence", "ece")]
        )
    values, errors = np.moveaxis(np.array(drawn_scores), 2, 0)
    for k, name in enumerate(("brier", "nll", "overconfidence")):
        true = getattr(truth, name).value
        assert values[:, k].mean() == pytest.approx(true, abs=4 * values[:, k].std() / 20), name
        assert errors[:, k].mean() == pytest.approx(values[:, k].std(), rel=0.1), name
        covered = (np.abs(values[:, k] - true) < 1.96 * errors[:, k]).mean()
        assert 0.91 < covered < 0.98, name
    assert values[:, 3].mean() > truth.ece.value, "the calibration error is biased upwards"
    assert np.mean(unweighted) > truth.nll.value + values[:, 1].std(), "the weights make a difference"


def test_error_of_a_clear_calibration_error_covers() -> None:
    p, reference = drawn(100_000, stretch=4.0)
    truth = measured(p, reference).ece.value
    rng, hits, values, errors = np.random.default_rng(0), 0, [], []
    for _ in range(200):
        sample = rng.integers(0, len(p), 2000)
        found = measured(p[sample], reference[sample])
        values.append(found.ece.value)
        errors.append(found.ece.se)
        hits += abs(found.ece.value - truth) < 1.96 * found.ece.se
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.15)
    assert hits > 180


def test_what_chance_gives_is_the_mean_of_calibrated_models() -> None:
    found = [measured(*drawn(200, seed, stretch=1.0)) for seed in range(60)]
    chance = np.mean([each.ece_by_chance for each in found])
    assert chance == pytest.approx(np.mean([each.ece.value for each in found]), rel=0.15)


def test_points_without_probabilities_leave_the_domain() -> None:
    p, reference = drawn(400)
    known = np.arange(400) % 4 > 0
    design = PointDesign.of_strata(np.arange(400) // 200, [3.0, 1.0])
    found = measured(p[known], reference[known], design.where(known))
    plain = measured(p[known], reference[known], PointDesign.of_strata((np.arange(400) // 200)[known], [3.0, 1.0]))
    assert found.brier.value == pytest.approx(plain.brier.value)
    assert found.brier.se == pytest.approx(plain.brier.se, rel=0.02)


def test_an_unknown_design_has_no_errors() -> None:
    p, reference = drawn(100)
    found = measured(p, reference, PointDesign.unknown(100))
    assert np.isnan([found.brier.se, found.ece.se, found.ece_by_chance, found.bins[0].error]).all()
    plain = json.loads(json.dumps(Reliability.to_plain(found)).replace("NaN", "null"))
    assert Reliability.from_plain(plain).brier.value == found.brier.value


@pytest.fixture
def mapped(tmp_path: Path) -> tuple[Path, Path]:
    """Return a map of 60 × 80 pixels with its probabilities beside it, and 300 points of a simple random sample."""
    p, reference = drawn(4800)
    stored = np.clip(np.round(p * 250), 0, 250).astype(np.uint8)
    classes = stored.argmax(axis=1)
    legend = Legend.from_plain(LEGEND)
    path = write_raster(tmp_path / "map.tif", CODES[classes].reshape(1, 60, 80), nodata=255)
    write_raster(tmp_path / "map_probabilities.tif", np.moveaxis(stored.reshape(60, 80, 3), -1, 0), nodata=255)
    import rasterio

    with rasterio.open(path, "r+") as data:
        data.update_tags(LULCSEG_LEGEND=json.dumps(legend.to_plain()))
    with rasterio.open(tmp_path / "map_probabilities.tif", "r+") as data:
        data.descriptions = share_layout(*legend.names).descriptions
    chosen = np.random.default_rng(0).permutation(4800)[:300]
    xy = gpd.points_from_xy(LEFT + (chosen % 80 + 0.5) * RES, TOP - (chosen // 80 + 0.5) * RES)
    points = gpd.GeoDataFrame({"class": np.array(NAMES)[reference[chosen]]}, geometry=xy, crs=CRS)
    points.to_file(tmp_path / "points.gpkg")
    assert class_layout(legend).descriptions == ("class",)
    return path, tmp_path / "points.gpkg"


def test_assess_scores_the_probabilities_beside_a_map(mapped: tuple[Path, Path], tmp_path: Path) -> None:
    path, points = mapped
    result = assess_files(points, path, request=DesignRequest("simple random"))
    found = result.reliability
    assert found is not None
    assert found.points == 300
    assert found.overconfidence.value > 0.05
    assert found.overconfidence.value == pytest.approx(sum(b.weight * (b.confidence - b.accuracy) for b in found.bins))
    result.save(tmp_path / "assessed")
    again = Assessment.load(tmp_path / "assessed").reliability
    assert again == found
    printed = io.StringIO()
    print_reliability(result, Console(file=printed, width=100))
    assert "Brier score" in printed.getvalue()
    assert "biased upwards" in printed.getvalue()


def test_post_stratified_points_are_weighted_by_the_map(mapped: tuple[Path, Path]) -> None:
    path, points = mapped
    result = assess_files(points, path, request=DesignRequest("post-stratified"))
    assert result.reliability is not None
    assert result.design_based is not None
    overall = result.design_based.overall
    accuracy = sum(b.weight * b.accuracy for b in result.reliability.bins)
    assert accuracy == pytest.approx(overall.value)


def test_strata_that_are_not_the_maps_are_weighted_as_the_estimates_are(
    mapped: tuple[Path, Path], tmp_path: Path
) -> None:
    path, points = mapped
    frame = gpd.read_file(points)
    frame["stratum"] = np.where(frame.geometry.x < LEFT + 12, "west", "east")
    frame.to_file(points)
    (tmp_path / "sizes.csv").write_text("stratum,hectares\nwest,0.036\neast,0.084\n")
    result = assess_files(points, path, request=DesignRequest(strata_sizes=tmp_path / "sizes.csv"))
    assert result.design == "stratified"
    assert result.reliability is not None
    assert result.design_based is not None
    accuracy = sum(b.weight * b.accuracy for b in result.reliability.bins)
    assert accuracy == pytest.approx(result.design_based.overall.value)


def spoil_classes(path: Path) -> None:
    import rasterio

    with rasterio.open(path, "r+") as data:
        values = data.read()
        data.write(values[::-1])


def rename_band(path: Path) -> None:
    import rasterio

    with rasterio.open(path, "r+") as data:
        data.set_band_description(1, "Roads")


@pytest.mark.parametrize(
    ("spoil", "said"), [(spoil_classes, "most probable classes are not"), (rename_band, "Roads, Trees, Water")]
)
def test_probabilities_of_another_map_are_left_out_or_refused(
    mapped: tuple[Path, Path], spoil: Callable[[Path], None], said: str
) -> None:
    path, points = mapped
    beside = path.with_name("map_probabilities.tif")
    spoil(beside)
    result = assess_files(points, path)
    assert result.reliability is None
    assert said in result.notes[-1]
    with pytest.raises(LulcsegError, match=said):
        assess_files(points, path, probabilities=beside)


def test_without_probabilities_the_file_says_nothing_of_them(mapped: tuple[Path, Path]) -> None:
    path, points = mapped
    path.with_name("map_probabilities.tif").unlink()
    assert "reliability" not in assess_files(points, path).to_plain()
