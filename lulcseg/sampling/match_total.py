"""Search for the N_p whose plan has a total nearest to a requested number of patches."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

type Total = Callable[[int], int]
"""N_p → number of patches of the plan."""


def least_reaching(total: Total, wanted: int, most: int) -> int:
    """Return the smallest N_p of 1…``most`` whose total is ``wanted`` or more; ``most`` if there is none.

    Args:
        total: Never falls as N_p grows.
        wanted: Requested total.
        most: Largest N_p to consider.

    Example:
        >>> least_reaching(lambda n: 3 * n, 10, 100)
        4
    """
    return 1 + bisect_left(range(1, most), wanted, key=total)


def nearest(total: Total, wanted: int) -> int:
    """Return the N_p whose total comes nearest; of several the smallest.

    Args:
        total: Never falls as N_p grows, and is at least N_p, as Eq. 1's rounding up makes it.
        wanted: Requested total, 1 or more.

    Example:
        >>> nearest(lambda n: 3 * n, 10)
        3
    """
    reaching = least_reaching(total, wanted, wanted)
    if reaching == 1 or total(reaching) == wanted:
        return reaching
    below = total(reaching - 1)
    if wanted - below > total(reaching) - wanted:
        return reaching
    return least_reaching(total, below, reaching)


def nearest_around(total: Total, wanted: int, most: int, reach: int) -> int:
    """Return the N_p whose total comes nearest, for a total that grows with N_p but not at each step.

    Args:
        total: Grows with N_p on the whole.
        wanted: Requested total.
        most: Largest N_p to consider.
        reach: All N_p within this distance of where bisection ends are tried.
    """
    end = least_reaching(total, wanted, most)
    tried = range(max(1, end - reach), min(most, end + reach) + 1)
    return min(tried, key=lambda n: abs(total(n) - wanted))


def note(wanted: int, total: int) -> list[str]:
    """Return a note if the requested total was not met, else nothing."""
    if total == wanted:
        return []
    return [f"sampling.match_total={wanted}: no N_p was found that gives as many patches; {total} come nearest."]
