"""Weights of patches by which the classes' shares meet a target, and draws by them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from lulcseg.sampling.draw_alike import draw_by_weight, effective_number, weights_alike


def patches(n: int, classes: int) -> np.ndarray:
    return np.random.default_rng(3).dirichlet(np.full(classes, 0.5), n)


def test_the_target_is_met_by_the_most_even_weights() -> None:
    shares, target = patches(30, 4), np.array([0.4, 0.3, 0.2, 0.1])
    found = weights_alike(shares, target, 1)
    assert np.abs(found @ shares - target).max() < 2e-3
    most_even = minimize(  # the definition itself: Kullback-Leibler to equal weights, under the constraints
        lambda w: float(w @ np.log(w * len(w))),
        np.full(30, 1 / 30),
        jac=lambda w: np.log(w * len(w)) + 1,
        bounds=[(1e-9, 1)] * 30,
        constraints=[{"type": "eq", "fun": lambda w: shares.T @ w - target}],
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    np.testing.assert_allclose(found, most_even.x, atol=2e-3)


def test_patches_that_are_alike_already_count_the_same() -> None:
    shares = patches(50, 3)
    np.testing.assert_allclose(weights_alike(shares, shares.mean(axis=0), 50), 1 / 50, rtol=1e-6)


@pytest.mark.parametrize("target", [[0, 0, 0, 1], [0.25, 0.25, 0.25, 0.25], [0.97, 0.01, 0.01, 0.01]])
def test_enough_patches_count_and_the_target_is_approached(target: list[float]) -> None:
    shares = patches(200, 4)
    shares[:, 3] = 0  # a class that is predicted nowhere
    shares /= shares.sum(axis=1, keepdims=True)
    weights = weights_alike(shares, np.array(target), 40)
    assert effective_number(weights) >= 40 * (1 - 1e-6)
    before, after = (np.abs(each @ shares - target).sum() for each in (np.full(200, 1 / 200), weights))
    assert after <= before + 1e-9


def test_a_patch_is_drawn_by_its_weight_rounded_down_or_up() -> None:
    weights = np.random.default_rng(0).dirichlet(np.full(20, 0.3))
    drawn = np.bincount(draw_by_weight(weights, 128, np.random.default_rng(1)), minlength=20)
    assert drawn.sum() == 128
    assert (np.abs(drawn - 128 * weights) < 1).all()
    first, second = (draw_by_weight(weights, 128, np.random.default_rng(seed)) for seed in (1, 2))
    assert first.tolist() != sorted(first.tolist()), "the order is random"
    assert first.tolist() != second.tolist()
