"""Strips are distributed over processes as contiguous shares, and predicted in runs without a gap."""

from __future__ import annotations

from lulcseg.mosaic.strips import Strip, contiguous_runs, rank_share


def test_shares_are_neighbours_and_together_all():
    strips = [Strip(i, 10 * i, 10 * i + 10) for i in (0, 1, 4, 5, 6, 9, 10)]
    for world in (1, 2, 3, 9):
        shares = [rank_share(strips, rank, world) for rank in range(world)]
        assert [s for share in shares for s in share] == strips
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert [[s.number for s in run] for run in contiguous_runs(strips)] == [[0, 1], [4, 5, 6], [9, 10]]
    assert list(contiguous_runs([])) == []
