"""The joint posterior against all its K² values, written out."""

from __future__ import annotations

import numpy as np
import pytest

from lulcseg.change.joint_posterior import JointPosterior, check_persistence
from lulcseg.errors import LulcsegError


def every_pair(p: np.ndarray, q: np.ndarray, persistence: float) -> np.ndarray:
    """(n, K, K) joint posterior, by Bayes' rule."""
    number = len(p)
    prior = np.where(np.eye(number, dtype=bool), persistence, (1 - persistence) / (number - 1))
    joint = p.T[:, :, None] * q.T[:, None, :] * prior
    return joint / joint.sum(axis=(1, 2), keepdims=True)


@pytest.mark.parametrize("persistence", [None, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("classes", [2, 3, 9])
def test_probability_most_probable_pair_and_expected_areas(persistence: float | None, classes: int) -> None:
    rng = np.random.default_rng(classes)
    p, q = (rng.dirichlet(np.full(classes, 0.4), 400).T for _ in range(2))
    area = rng.uniform(0.5, 2.0, 400)
    joint = every_pair(p, q, 1 / classes if persistence is None else persistence)
    found = JointPosterior(p, q, persistence)

    same = np.einsum("nkk->n", joint)
    assert np.allclose(found.change(), 1 - same)
    one, two = found.most_probable()
    flat = joint.reshape(400, -1).argmax(axis=1)
    assert (one * classes + two == flat).all()
    assert np.allclose(found.expected(area), np.einsum("n,nij->ij", area, joint))


def test_independence_is_subtraction() -> None:
    rng = np.random.default_rng(0)
    p, q = (rng.dirichlet(np.ones(4), 200).T for _ in range(2))
    one, two = JointPosterior(p, q).most_probable()
    assert (one == p.argmax(axis=0)).all()
    assert (two == q.argmax(axis=0)).all()


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2, 90.0, float("nan")])
def test_a_persistence_is_a_share(share: float) -> None:
    with pytest.raises(LulcsegError, match="--persistence"):
        check_persistence(share)
