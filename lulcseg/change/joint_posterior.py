"""From the class probabilities of two dates to the probability of every from–to pair.

Each date's probabilities p and q are a posterior under equal prior odds of the classes. With a prior P(b | a) of what
becomes of a class, the joint posterior of the pair (a, b) is

    P(a, b | both dates) ∝ p_a · q_b · P(b | a),   P(b | a) = π if b = a, else (1 − π) / (K − 1)

where π is the persistence: the share of ground that is expected to keep its class. π = 1 / K is independence, under
which the most probable pair is that of the two most probable classes: the subtraction of the two maps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class JointPosterior:
    """The joint posterior of n pixels, without its n · K² values.

    Attributes:
        before: (K, n) probabilities of the first date; they sum to 1.
        after: (K, n) those of the second.
        persistence: Share of the ground expected to keep its class, 0…1, both excluded; None: independence.

    Example:
        >>> p, q = np.array([[0.9], [0.1]]), np.array([[0.4], [0.6]])
        >>> [JointPosterior(p, q, share).change().round(2).item() for share in (None, 0.5, 0.9)]
        [0.58, 0.58, 0.13]
        >>> [[found.item() for found in JointPosterior(p, q, share).most_probable()] for share in (None, 0.9)]
        [[0, 1], [0, 0]]
    """

    before: Array
    after: Array
    persistence: float | None = None

    def change(self) -> Array:
        """Return the probability that the class changed, (n,)."""
        same = (self.before * self.after).sum(axis=0)
        kept, other = self._prior()
        return np.asarray(other * (1 - same) / self._scale(same, kept, other))

    def most_probable(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the class indices of the most probable pair, (n,) each; at a tie what is unchanged goes first."""
        kept, other = self._prior()
        one, two = self.before.argmax(axis=0), self.after.argmax(axis=0)
        if self.persistence is None:
            return one.astype(np.uint8), two.astype(np.uint8)
        product = self.before * self.after
        stay = product.argmax(axis=0)
        at = np.arange(product.shape[1])
        highest_stay = kept * product[stay, at]
        # the best pair of two classes: both maxima, or where they are of one class, one of them and the other's second
        (p, p_next, p_at), (q, q_next, q_at) = _two_highest(self.before), _two_highest(self.after)
        first_moves = p_next * q >= p * q_next
        clash = one == two
        highest_move = other * np.where(clash, np.maximum(p_next * q, p * q_next), p * q)
        moved_one = np.where(clash & first_moves, p_at, one)
        moved_two = np.where(clash & ~first_moves, q_at, two)
        stays = highest_stay >= highest_move
        found = (np.where(stays, stay, moved) for moved in (moved_one, moved_two))
        first, second = (each.astype(np.uint8) for each in found)
        return first, second

    def expected(self, area: Array) -> Array:
        """Return the expected area of every pair, (K, K), rows the first date.

        Args:
            area: (n,) area of the pixels.
        """
        same = (self.before * self.after).sum(axis=0)
        kept, other = self._prior()
        weights = area / self._scale(same, kept, other)
        prior = np.full((len(self.before),) * 2, other)
        np.fill_diagonal(prior, kept)
        return np.asarray(prior * ((self.before * weights) @ self.after.T))

    def _prior(self) -> tuple[float, float]:
        number = len(self.before)
        kept = 1 / number if self.persistence is None else self.persistence
        return kept, (1 - kept) / (number - 1)

    @staticmethod
    def _scale(same: Array, kept: float, other: float) -> Array:
        return np.asarray(kept * same + other * (1 - same))


def check_persistence(persistence: float | None) -> None:
    """Check a prior of persistence.

    Raises:
        LulcsegError: It is not between 0 and 1.
    """
    if persistence is not None and not 0 < persistence < 1:
        raise LulcsegError(
            f"{persistence:g} is not a share of ground that keeps its class",
            where="--persistence",
            remedy="give a number between 0 and 1, such as 0.9",
        )


def _two_highest(values: Array) -> tuple[Array, Array, NDArray[np.int64]]:
    """Return the highest of each column, the second highest, and where that is."""
    first, at = values.argmax(axis=0), np.arange(values.shape[1])
    others = values.copy()
    others[first, at] = -1.0
    second = others.argmax(axis=0)
    return values[first, at], values[second, at], second
