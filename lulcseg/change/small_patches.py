"""Patches of change below the minimum mapping unit, on maps of any size."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.measure import label


@dataclass
class SmallPatches:
    """Finds patches, 4-connected pixels of one value, that are smaller than a minimum number of pixels.

    Strips of rows are added from the top; once :meth:`finish` was called, :meth:`find` tells of each strip's pixels
    which belong to small patches. Patches may reach over any number of strips. Of a strip, only the patches that touch
    its first or last row are remembered.

    Attributes:
        least: Fewest pixels of a patch that isn't small.

    Example:
        >>> found = SmallPatches(least=3)
        >>> rows = np.array([[1, 0, 2], [1, 0, 0], [1, 0, 0]], dtype=np.uint16)
        >>> found.add(rows[:1]), found.add(rows[1:]), found.finish()
        (None, None, None)
        >>> found.find(0, rows[:1]).tolist(), found.find(1, rows[1:]).any().item()
        ([[False, False, True]], False)
    """

    least: int
    _touching: list[NDArray[np.int64]] = field(default_factory=list)
    _first: list[int] = field(default_factory=list)
    _sizes: list[NDArray[np.int64]] = field(default_factory=list)
    _links: list[NDArray[np.int64]] = field(default_factory=list)
    _last: tuple[NDArray[np.uint16], NDArray[np.int64]] | None = None
    _total: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def add(self, values: NDArray[np.uint16]) -> None:
        """Add the next rows.

        Args:
            values: (h, W) values; 0 belongs to no patch.
        """
        labels = _labelled(values)
        touching = np.unique(labels[[0, -1]])
        touching = touching[touching > 0]
        first = self._first[-1] + len(self._touching[-1]) if self._first else 0
        self._touching.append(touching)
        self._first.append(first)
        self._sizes.append(np.bincount(labels.ravel(), minlength=1)[touching])
        above = self._last
        top, bottom = (first + np.searchsorted(touching, labels[row]) for row in (0, -1))
        if above is not None:
            meets = (above[0] == values[0]) & (values[0] > 0)
            self._links.append(np.unique(np.stack([above[1][meets], top[meets]]), axis=1))
        self._last = values[-1].copy(), bottom

    def finish(self) -> None:
        """Add up the patches that reach over several strips."""
        sizes = np.concatenate([*self._sizes, np.zeros(0, dtype=np.int64)])
        one, two = np.concatenate([*self._links, np.zeros((2, 0), dtype=np.int64)], axis=1)
        graph = coo_array((np.ones(len(one), dtype=np.bool_), (one, two)), shape=(len(sizes), len(sizes)))
        _, patch = connected_components(graph, directed=False)
        self._total = np.bincount(patch, sizes, minlength=0)[patch].astype(np.int64) if len(sizes) else sizes

    def find(self, strip: int, values: NDArray[np.uint16]) -> NDArray[np.bool_]:
        """Return which pixels of a strip belong to small patches, (h, W) bool.

        Args:
            strip: Its number, from 0.
            values: (h, W) its values, as they were added.
        """
        labels = _labelled(values)
        sizes = np.bincount(labels.ravel(), minlength=1)
        touching, first = self._touching[strip], self._first[strip]
        sizes[touching] = self._total[first : first + len(touching)]
        small = sizes < self.least
        small[0] = False
        found: NDArray[np.bool_] = small[labels]
        return found


def _labelled(values: NDArray[np.uint16]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = label(values, background=0, connectivity=1)
    return found
