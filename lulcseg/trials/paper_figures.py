"""The published scores of Clark, Phinn & Scarth (Tables 6, 8, 9 and 11), for comparison with a trial's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaperFigures:
    """One printed row.

    Attributes:
        trial: The trial, named as the sweep that repeats it; the two halves of ``patch_size`` were ranked separately.
        value: The value, named as in that sweep.
        year: Which image was scored: 2018, that of training, or 2015.
        hours: Mean training time, in hours; None where none is printed.
        kappa: Mean kappa.
        mean_f1: Mean F1 over the nine classes.
        mean_users: Mean user's accuracy.
        mean_producers: Mean producer's accuracy.
        rank: The printed rank, 1 = best; None where none is printed.
        kappa_interval: The printed "95 % CI", of an unstated kind; None where none is printed.
        group: The table's own trial, within which it is ranked: ``patch_size_grid``, ``augmentation_2015``, ….
    """

    trial: str
    value: str
    year: int
    hours: float | None
    kappa: float
    mean_f1: float
    mean_users: float
    mean_producers: float
    rank: int | None = None
    kappa_interval: tuple[float, float] | None = None
    group: str = ""


HUMAN = {
    2018: PaperFigures("human", "manual", 2018, None, 0.96, 0.95, 0.97, 0.93),
    2015: PaperFigures("human", "manual", 2015, None, 0.93, 0.92, 0.97, 0.88),
}
"""The digitised polygons assessed at the points (Table 8), by year; they took more than 200 hours of work.

Table 6 prints a producer's accuracy of 0.92, Table 8 one of 0.9256.
"""

HUMAN_HOURS = 200
"""Lower bound of the hours of digitising, as the paper states it."""


def _table() -> Iterator[PaperFigures]:
    """Yield the rows: value, hours, kappa and its interval, F1, user's and producer's accuracy, rank."""
    rows: dict[tuple[str, str, int], list[tuple[str, float, float, tuple[float, float], float, float, float, int]]] = {
        ("batch_size", "batch_size", 2018): [
            ("batch10", 1.2, 0.67, (0.62, 0.71), 0.68, 0.63, 0.84, 5),
            ("batch50", 0.8, 0.63, (0.62, 0.65), 0.62, 0.53, 0.91, 2),
            ("batch100", 0.8, 0.55, (0.48, 0.62), 0.56, 0.49, 0.85, 1),
            ("batch150", 0.8, 0.43, (0.31, 0.49), 0.51, 0.43, 0.83, 5),
            ("batch200", 0.8, 0.41, (0.33, 0.49), 0.45, 0.38, 0.82, 4),
            ("batch250", 0.7, 0.45, (0.33, 0.51), 0.48, 0.42, 0.79, 2),
            ("batch280", 0.7, 0.36, (0.19, 0.46), 0.41, 0.36, 0.75, 5),
        ],
        ("patch_size", "patch_size_grid", 2018): [
            ("patch128_grid", 3.7, 0.69, (0.65, 0.77), 0.49, 0.53, 0.51, 2),
            ("patch256_grid", 1.3, 0.58, (0.40, 0.72), 0.48, 0.49, 0.55, 2),
            ("patch512_grid", 1.2, 0.70, (0.62, 0.74), 0.49, 0.53, 0.53, 1),
            ("patch1024_grid", 1.3, 0.66, (0.48, 0.75), 0.42, 0.43, 0.47, 4),
        ],
        ("patch_size", "patch_size_stratified", 2018): [
            ("patch128_stratified", 3.7, 0.42, (0.38, 0.49), 0.46, 0.38, 0.86, 4),
            ("patch256_stratified", 1.2, 0.51, (0.47, 0.58), 0.51, 0.43, 0.86, 2),
            ("patch512_stratified", 1.2, 0.65, (0.59, 0.71), 0.62, 0.59, 0.77, 1),
            ("patch1024_stratified", 1.3, 0.53, (0.31, 0.66), 0.54, 0.50, 0.71, 3),
        ],
        ("augmentation", "augmentation", 2018): [
            ("augment_off", 2.8, 0.73, (0.70, 0.77), 0.70, 0.64, 0.87, 1),
            ("augment_on", 8.9, 0.49, (0.34, 0.59), 0.50, 0.43, 0.75, 2),
        ],
        ("augmentation", "augmentation_2015", 2015): [
            ("augment_off", 2.8, 0.12, (0.09, 0.15), 0.21, 0.22, 0.35, 2),
            ("augment_on", 8.9, 0.36, (0.27, 0.41), 0.40, 0.37, 0.61, 1),
        ],
        ("scaling", "scaling", 2018): [
            ("scaling_off", 2.1, 0.69, (0.62, 0.74), 0.64, 0.59, 0.78, 2),
            ("scaling_on", 2.1, 0.77, (0.70, 0.79), 0.74, 0.68, 0.88, 1),
        ],
        ("passes", "passes", 2018): [
            ("single", 8.9, 0.49, (0.34, 0.59), 0.50, 0.43, 0.75, 2),
            ("multiple", 8.9, 0.55, (0.40, 0.65), 0.52, 0.45, 0.75, 1),
        ],
    }
    for (trial, group, year), values in rows.items():
        for value, hours, kappa, interval, f1, users, producers, rank in values:
            yield PaperFigures(trial, value, year, hours, kappa, f1, users, producers, rank, interval, group)
    for year, kappa, interval, f1, users, producers in (
        (2018, 0.90, (0.89, 0.91), 0.87, 0.80, 0.98),
        (2015, 0.84, (0.82, 0.87), 0.81, 0.78, 0.87),
    ):
        yield PaperFigures(
            "full_training", "full_training", year, None, kappa, f1, users, producers, None, interval, "full_training"
        )


PAPER: tuple[PaperFigures, ...] = tuple(_table())
"""Every row of Tables 6, 9 and 11 except the digitised polygons', in the tables' order."""


def paper_figures(trial: str, value: str, year: int = 2018) -> PaperFigures | None:
    """Return the paper's row for a value of a trial; None if it has none.

    Args:
        trial: Name of the trial, as its sweep is called.
        value: Name of the value.
        year: Year of the mapped image.
    """
    rows = (row for row in PAPER if (row.trial, row.value, row.year) == (trial, value, year))
    return next(rows, None)
