"""Weights of classes: their rules, their normalisation, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.settings.loss import LossSettings
from lulcseg.training.losses.class_weights import effective_number_weights, plan_weights, stated_weights
from lulcseg.training.losses.pixel_losses import build_loss

NAMES = ["Water", "Forest", "Vineyards", "Berry Crops"]
SHARES = [0.7, 0.2, 0.1, 0.0]
CUSTOM = "tests.support.custom_parts."


def weights(method: str, shares: list[float] = SHARES, **settings: Any) -> list[float]:
    found = plan_weights(
        LossSettings(class_weights=method, **settings), NAMES, shares, 200, lambda: np.array([0.8, 0.3, 0.9, 0.0])
    )
    assert found is not None
    return found


@pytest.mark.parametrize("method", ["inverse", "effective_number", "median_frequency"])
def test_weights_have_mean_one_over_the_training_pixels_and_are_finite(method: str) -> None:
    found = weights(method)
    assert np.dot(found, SHARES) == pytest.approx(1)
    assert found[3] == 1.0, "a class without pixels"
    assert np.isfinite(found).all()
    assert weights(method, [0.0] * 4) == [1.0] * 4, "nothing is labelled"


def test_each_rule_is_its_papers() -> None:
    inverse = weights("inverse")
    np.testing.assert_allclose(np.multiply(inverse, SHARES)[:3], 1 / 3)  # every class has the same part in the loss
    effective = np.array(weights("effective_number", effective_beta=0.99)[:3])
    terms = [sum(0.99**i for i in range(n)) for n in (140, 40, 20)]  # Eq. 1: E = 1 + β E of one fewer
    np.testing.assert_allclose(effective / effective[0], terms[0] / np.array(terms))
    median = np.array(weights("median_frequency")[:3])
    np.testing.assert_allclose(median / median[0], [1, 0.8 / 0.3, 0.8 / 0.9])


def test_the_effective_number_lies_between_none_and_inverse() -> None:
    samples = np.array([1.0, 10.0, 500.0, 0.01])
    np.testing.assert_allclose(effective_number_weights(samples, 0.0), 1)
    close = effective_number_weights(samples, 1 - 1e-9)
    np.testing.assert_allclose(close / close[0], 1 / samples, rtol=1e-5)
    assert effective_number_weights(np.array([0.0]), 0.9) == np.inf


def test_stated_weights_are_taken_as_they_are() -> None:
    assert stated_weights(LossSettings(), NAMES) is None
    assert stated_weights(LossSettings(class_weights=[1, 2, 0, 4]), NAMES) == [1.0, 2.0, 0.0, 4.0]
    assert stated_weights(LossSettings(class_weights={"Berry Crops": 9}), NAMES) == [1.0, 1.0, 1.0, 9.0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"Vinyards": 2.0}, r"no class 'Vinyards'; did you mean 'Vineyards'\?"),
        ([1.0, 2.0], "2 weights for 4 classes; give one for each of Water, Forest, Vineyards, Berry Crops"),
        (dict.fromkeys(NAMES, 0.0), "all are 0"),
    ],
)
def test_weights_that_do_not_fit_the_legend_are_a_sentence(given: Any, words: str) -> None:
    with pytest.raises(LulcsegError, match=rf"loss\.class_weights: .*{words}"):
        stated_weights(LossSettings(class_weights=given), NAMES)


def test_a_loss_of_somebody_else_gets_weights_if_it_names_them() -> None:
    logits, labels = torch.randn(2, 4, 3, 3), torch.zeros(2, 3, 3, dtype=torch.uint8)
    dice = "segmentation_models_pytorch.losses.DiceLoss"
    settings = LossSettings(
        target=dice, arguments={"mode": "multiclass", "ignore_index": 255}, class_weights=[4, 0, 0, 0]
    )
    weighted, plain = (build_loss(settings, 4, w)(logits, labels)[0] for w in ([4.0, 0.0, 0.0, 0.0], None))
    assert weighted == pytest.approx(plain * 4)  # its own mean is over the weights, without them over all classes
    with pytest.raises(LulcsegError, match=r"loss\.class_weights: .*focal_loss takes no class_weights"):
        build_loss(LossSettings(target=CUSTOM + "focal_loss", class_weights="inverse"), 4, [1.0] * 4)
