"""Fitting temperature and vector scaling."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lulcseg.assessment.scaling_fit import (
    fit_temperature,
    fit_vector,
    log_losses,
    mean_over_patches,
    precision_curves,
    softmax,
)
from lulcseg.errors import LulcsegError

N, K = 6000, 4


def drawn(seed: int = 0, *, spread: float = 1.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return logits of a calibrated model, labels drawn from its probabilities, and patches of alike pixels."""
    rng = np.random.default_rng(seed)
    patch = np.arange(N) // 60
    logits = rng.normal(0, spread, (N, K)) + rng.normal(0, spread, (N // 60, K))[patch]
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return logits, labels, patch


def test_temperature_of_a_stretched_model_is_found_within_its_error() -> None:
    misses = []
    for seed in range(20):
        logits, labels, patch = drawn(seed)
        fit = fit_temperature(2.5 * logits, labels, patch, seed=seed)
        assert np.ptp(fit.factor) == 0
        assert not fit.offset.any()
        misses.append((1 / fit.factor[0] - 2.5) / fit.temperature_error)
    assert np.abs(misses).max() < 4
    assert 0.6 < np.std(misses) < 1.5


def test_temperature_is_that_of_another_optimiser() -> None:
    logits, labels, patch = drawn()
    fit = fit_temperature(1.7 * logits, labels, patch, seed=0)
    temperature = torch.nn.Parameter(torch.ones((), dtype=torch.float64))
    optimiser = torch.optim.LBFGS(
        [temperature], max_iter=100, line_search_fn="strong_wolfe", tolerance_grad=1e-10, tolerance_change=1e-15
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(torch.from_numpy(1.7 * logits) / temperature, torch.from_numpy(labels))
        loss.backward()
        return loss

    optimiser.step(closure)  # type: ignore[arg-type]
    assert 1 / fit.factor[0] == pytest.approx(float(temperature), abs=1e-5)


def test_error_of_the_temperature_is_that_of_whole_refits() -> None:
    logits, labels, patch = drawn(1)
    fit = fit_temperature(2 * logits, labels, patch, seed=0)
    rng, refits = np.random.default_rng(5), []
    for _ in range(60):
        chosen = rng.integers(0, N // 60, N // 60)
        pixels = (chosen[:, None] * 60 + np.arange(60)).ravel()
        again = fit_temperature(2 * logits[pixels], labels[pixels], patch[pixels], seed=0, draws=2)
        refits.append(1 / again.factor[0])
    assert fit.temperature_error == pytest.approx(np.std(refits, ddof=1), rel=0.35)


def test_patches_of_one_error_widen_the_error() -> None:
    """Copies of pixels tell nothing new, but would if they counted one by one."""
    logits, labels, _ = drawn(2)
    copied = np.arange(300).repeat(20)
    as_patches = fit_temperature(logits[copied], labels[copied], copied, seed=0)
    as_pixels = fit_temperature(logits[copied], labels[copied], np.arange(6000), seed=0)
    assert as_patches.temperature_error > 3 * as_pixels.temperature_error


def test_vector_scaling_recovers_factors_and_offsets() -> None:
    logits, labels, patch = drawn(3)
    factor, offset = np.array([0.5, 1.0, 1.5, 2.0]), np.array([0.6, -0.2, 0.1, -0.5])
    fit = fit_vector((logits - offset) / factor, labels, patch, seed=0)
    assert (np.abs(fit.factor - factor) < 4 * fit.factor_error).all()
    assert (np.abs(fit.offset - offset) < 4 * fit.offset_error).all()
    assert (fit.factor_error < 0.15).all()
    assert fit.offset.sum() == pytest.approx(0)


@pytest.mark.parametrize("fitting", [fit_temperature, fit_vector])
@pytest.mark.parametrize("stretch", [0.3, 1.0, 4.0])
def test_the_log_loss_never_rises_on_the_fitting_data(fitting: object, stretch: float) -> None:
    logits, labels, patch = drawn(4)
    fit = fitting(stretch * logits, labels, patch, seed=0)  # type: ignore[operator]
    before = log_losses(stretch * logits, labels).mean()
    assert log_losses(stretch * logits * fit.factor + fit.offset, labels).mean() <= before


def test_pixels_without_an_error_are_refused() -> None:
    logits, _, patch = drawn()
    with pytest.raises(LulcsegError, match=r"hardly a held-out pixel is classified wrongly \(.* right at 100\.0 %"):
        fit_temperature(logits, logits.argmax(axis=1), patch, seed=0)


def test_probabilities_that_say_nothing_are_named_with_the_share_that_is_right() -> None:
    logits, labels, patch = drawn()
    right = 100 * (np.argmax(-logits, axis=1) == labels).mean()
    words = (
        rf"runs to infinity, as the probabilities say nothing about this ground \(the model is right at {right:.1f} %"
    )
    with pytest.raises(LulcsegError, match=words):
        fit_temperature(-logits, labels, patch, seed=0)
    with pytest.raises(
        LulcsegError, match=rf"its probabilities say nothing about it \(the model is right at {right:.1f} %"
    ):
        fit_vector(-logits, labels, patch, seed=0)


def test_precision_from_a_confidence_on() -> None:
    logits, labels, _ = drawn(5)
    p = softmax(logits)
    curves = precision_curves(p, labels)
    mapped, confidence = p.argmax(axis=1), p.max(axis=1)
    for k, curve in enumerate(curves):
        for c, share in curve[::7]:
            kept = (mapped == k) & (confidence >= c)
            assert share == pytest.approx((labels[kept] == k).mean())
        assert curve[-1][1] > curve[0][1], "a calibrated model's precision grows with confidence"
    assert precision_curves(p[:90], labels[:90]) == [[]] * K, "too few pixels"


def test_mean_over_patches_is_the_clusters() -> None:
    rng = np.random.default_rng(0)
    estimates = []
    for _ in range(300):
        patch = np.arange(400) // 10
        values = rng.normal(size=40)[patch] + rng.normal(size=400)
        estimates.append(mean_over_patches(values, patch))
    means, errors = np.array(estimates).T
    assert errors.mean() == pytest.approx(means.std(), rel=0.12)
