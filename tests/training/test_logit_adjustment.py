"""Correction of the logits for the shift of class shares."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lulcseg.training.losses.cross_entropy import cross_entropy
from lulcseg.training.losses.logit_adjustment import adjust_logits


def fitted_probabilities(correction: Tensor | None, sampled: np.ndarray, likelihood: np.ndarray) -> np.ndarray:
    """Train a linear model of three kinds of ground to convergence on biased shares; return P(class | kind)."""
    weights = torch.tensor(sampled[:, None] * likelihood)  # (class, kind): how often the sample holds which
    logits = torch.zeros(1, 2, 1, 3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = torch.zeros((), dtype=torch.float64)
        for k in (0, 1):
            for kind in range(3):
                one = torch.full((1, 1, 1), k)
                loss = loss + weights[k, kind] * cross_entropy(
                    adjust_logits(logits, correction)[..., kind : kind + 1].double(), one
                )
        loss.backward()
        return loss

    optimizer.step(closure)
    return logits.softmax(dim=1).detach().numpy()[0, :, 0]


def test_logit_adjustment_gives_back_the_natural_shares() -> None:
    natural, likelihood = np.array([0.95, 0.05]), np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    sampled = natural * [1, 10]  # the rare class is drawn ten times too often
    sampled /= sampled.sum()

    def bayes(prior: np.ndarray) -> np.ndarray:
        joint = prior[:, None] * likelihood
        return joint / joint.sum(axis=0)

    shift = torch.tensor(np.log(sampled / natural))
    np.testing.assert_allclose(fitted_probabilities(shift, sampled, likelihood), bayes(natural), atol=1e-3)
    np.testing.assert_allclose(fitted_probabilities(None, sampled, likelihood), bayes(sampled), atol=1e-3)
    assert np.abs(bayes(natural) - bayes(sampled)).max() > 0.3
