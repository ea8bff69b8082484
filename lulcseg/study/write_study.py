"""Writing the study's files: raw results, effects, tables, simulated samples and figures."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.files import make_folder, replacing_together
from lulcseg.grid import Window
from lulcseg.mosaic.passes import plan_from
from lulcseg.mosaic.tiling import Tiling
from lulcseg.pictures.figure_style import png
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.study.effect_figures import effects_figure, score_boxes, views_figure, work_against_accuracy
from lulcseg.study.effects import DIFFERS, FEWEST, LEVEL, effects
from lulcseg.study.landscape_units import LANDSCAPE
from lulcseg.study.markdown_tables import answers, beside_paper, by_value
from lulcseg.study.questions import AFTER, SEPARATOR, Questions, read_questions
from lulcseg.study.read_tables import KEYS, read_classes, read_maps
from lulcseg.study.score import POLYGONS, numbered, score_labels, score_trials
from lulcseg.trials.trial_reader import Trial

RESULTS, CLASSES = "results.csv", "classes.csv.gz"
TABLE6 = (
    "batch_size", "patch_size_grid", "patch_size_stratified", "augmentation", "scaling", "passes", "full_training",
)  # fmt: skip
PASSES = (
    ("passes", "single"), ("pass_sets", "cheap"), ("pass_sets", "grids"), ("pass_weights", "grids_even"),
    ("pass_sets", "crop"), ("rotations", "rotations2"), ("rotations", "rotations3"), ("pass_sets", "rotations"),
    ("pass_weights", "multiple_even"), ("passes", "multiple"),
)  # fmt: skip
"""Trial and value of sets of passes on the same models, roughly by cost."""
PATCH = 128
"""Side of the patches that passes are counted with, in pixels."""
BOXES = ("batch_size", "patch_size", "augmentation", "scaling", "full_training", "sampling", "losses", "pretrained")
"""Trials whose scores have a figure."""
BESIDE = {
    "scaling": [("augmentation", "augment_off")],
    "batch_size": [("batch_steps", value) for value in ("batch10", "batch100", "batch280")],
    "full_training": [
        ("full_unscaled", "full_training"), ("augmentation", "augment_off"), ("augmentation", "augment_on"),
        ("transfer", "transfer"),
    ],
    "sampling": [
        ("patch_size", "patch512_grid"), ("longer", "patch512_grid"), ("patch_size", "patch512_stratified"),
        ("longer", "augment_off"),
    ],
    "pretrained": [("patch_size", "patch512_stratified")],
    "losses": [
        ("patch_size", "patch512_grid"), ("patch_size", "patch512_stratified"), ("longer", "grid_inverse"),
        ("longer", "stratified_inverse"), ("joined", "one_against_all"),
    ],
}  # fmt: skip
"""Values of other trials that a trial's figure shows below its own: what they are compared with."""
PRINTED_AS = {("scaling", "augmentation", "augment_off"): ("scaling", "scaling_off")}
"""Figure, trial and value → the paper's trial and value, where the paper trained the baseline again."""
EVEN = "_even"
"""Ending of the names of sets without weights."""
GROUPS = {
    ("B",): "batch_size", ("P", "Z"): "patch_size", ("S",): "sampling", ("L", "O"): "losses",
    ("A", "C", "X"): "preprocessing", ("H",): "adaptation", ("T",): "another_date", ("M", "E"): "passes",
    ("F",): "full_training", ("U", "N"): "longer", ("R",): "sources", ("W",): "pretrained", ("K", "D"): "real_imagery",
}  # fmt: skip
"""Questions that are drawn together, by the letter that their names begin with, and what their figure is called."""
USUAL = ("own", "held", "date")
"""Views that tables and figures show."""
DIGITS = 5


def write_results(
    trials: Sequence[Trial], out: Path, cache: Path | None, whole: str, labels: Sequence[str], *, keep: bool = False
) -> None:
    """Score all runs and write the raw tables: ``results.csv``, ``classes.csv.gz``.

    Args:
        trials: The trials.
        out: Folder to write to.
        cache: Folder of the synthetic landscapes.
        whole: Ending of the names of scenes that no model was trained on.
        labels: Scenes whose digitised polygons are scored as well.
        keep: Whether rows of other runs that are in the tables already stay there: a study made in parts.

    Raises:
        LulcsegError: A scene or a map can't be read, or a file can't be read or written.
    """
    first = "leave --keep out the first time"
    before = [read_maps(out / RESULTS, first), read_classes(out / CLASSES, first)] if keep else []
    maps, classes = score_trials(trials, cache, whole)
    if labels:
        maps = pd.concat([maps, score_labels(labels, cache, whole)], ignore_index=True)
    if keep:
        maps, classes = (_with_others(old, new) for old, new in zip(before, (maps, classes), strict=True))
    make_folder(out, "out")
    with replacing_together([out / RESULTS, out / CLASSES]) as (of_maps, of_classes):
        maps.round(DIGITS).to_csv(of_maps, index=False)
        # no file name and time in the header: the same runs give the same bytes
        of_classes.write_bytes(gzip.compress(classes.round(DIGITS).to_csv(index=False).encode(), mtime=0))


def _with_others(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return a table's rows of other runs and the new ones, in the order of a table that is written anew."""
    parts = []
    for of_polygons, unit in ((False, "seed"), (True, LANDSCAPE)):
        before, made = (table[(table["trial"] == POLYGONS) == of_polygons] for table in (old, new))
        run = ["trial", "value", unit]
        known = set(made[run].itertuples(index=False, name=None))
        others = before[[row not in known for row in before[run].itertuples(index=False, name=None)]]
        both = pd.concat([part for part in (others, made) if len(part)] or [made], ignore_index=True)
        parts.append(numbered(both) if of_polygons else both.sort_values([k for k in (*KEYS, "class") if k in both]))
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def write_document(folder: Path) -> list[Path]:
    """Write ``effects.csv``, ``tables.md`` and the figures from a folder's raw tables and questions.

    Args:
        folder: Holds ``results.csv``, ``classes.csv.gz`` and ``questions.yaml``.

    Returns:
        The files written.

    Raises:
        LulcsegError: Results that are missing or of an earlier version, invalid questions, or a file can't be written.
    """
    maps, classes = read_maps(folder / RESULTS), read_classes(folder / CLASSES)
    maps["mosaic"] = maps["mosaic"].fillna("")
    asked = folder / "questions.yaml"
    questions = read_questions(asked)
    missing = [name for name in USUAL if name not in questions.views]
    if missing:
        raise LulcsegError(
            f"it has no view {', '.join(missing)}", where=asked, remedy="tables and figures show it: add it"
        )
    unknown = sorted({name for q in questions.questions for name in q.classes} - set(classes["class"]))
    if unknown:
        raise LulcsegError(
            f"no map was scored for class '{unknown[0]}'",
            where=asked,
            remedy=did_you_mean(unknown[0], set(classes["class"])),
        )
    of_classes = [arm for q in questions.questions if q.classes for arm in q.arms]
    if lost := sorted(set(of_classes) & _arms(maps) - _arms(classes)):
        raise LulcsegError(
            f"it has no rows of {lost[0]}, which {RESULTS} has", where=folder / CLASSES,
            remedy="write both with lulcseg study results",
        )  # fmt: skip
    found = effects(questions, maps, classes)
    if found.empty:
        raise LulcsegError(
            "none of its questions has runs of all its arms", where=asked, remedy="score the arms' trials"
        )
    tables, figures = _tables(maps, found, questions), _figures(maps, found, questions)
    contents = {"effects.csv": found.round(DIGITS).to_csv(index=False).encode(), "tables.md": tables.encode()}
    contents |= {f"{name}.png": png(figure) for name, figure in figures.items()}
    written = [folder / name for name in contents]
    with replacing_together(written) as parts:
        for part, content in zip(parts, contents.values(), strict=True):
            part.write_bytes(content)
    return written


def _arms(scores: pd.DataFrame) -> set[str]:
    return set((scores["trial"] + SEPARATOR + scores["value"]).unique())


def _is_scored(maps: pd.DataFrame, arm: tuple[str, str]) -> bool:
    """Whether there are maps of a trial's value."""
    return bool(((maps["trial"] == arm[0]) & (maps["value"] == arm[1])).any())


def forward_passes(name: str) -> float:
    """Return how often a pixel inside a large mosaic goes through the network in a set of passes.

    >>> forward_passes("single"), forward_passes("multiple")
    (1.0, 8.0)
    """
    _, plan = plan_from(MosaicSettings(name=name).with_preset())
    one = Tiling(Window(0, 0, PATCH, PATCH), plan, PATCH)
    return sum(len(each.views) for each in plan.passes) * (PATCH / one.step) ** 2


def _tables(maps: pd.DataFrame, found: pd.DataFrame, questions: Questions) -> str:
    views = questions.views
    parts = [
        "# The study's tables\n\nWritten by `lulcseg study tables` from `results.csv` and `classes.csv.gz`; "
        "[study.md](../study.md) describes them.\n",
        "## Table 6, ours and the paper's\n\nOurs: 2018, the ground trained on, at the reference points, as the paper "
        "scored; mean ± half the 95 % t interval over landscapes; ranked by the paper's rule (ties share the average)."
        "\n",
        beside_paper(maps, views["own"], 2018, TABLE6),
        "\n## The same on held-out ground, every pixel\n",
        beside_paper(maps, views["held"], 2018, TABLE6),
        "\n## Table 9 and 11: the other date\n\nOurs: 2015, the ground trained on, every pixel.\n",
        beside_paper(maps, views["date"], 2015, ("augmentation_2015", "full_training")),
        "\n## What each question found\n\nThe effect in the view that the conclusion rests on; elsewhere: those in "
        "the other views, \\* differs (p < 0.05, not adjusted), = no difference beyond the margin. "
        f"{AFTER}: asked after scores were seen. {_counted(found)}\n",
        answers(found, questions),
        "\n## Kappa of every value in every view\n",
    ]
    for trial in dict.fromkeys(maps["trial"]):
        if trial != POLYGONS:
            parts += [f"### {trial}\n", by_value(maps, trial, list(views.values())), ""]
    return "\n".join(parts) + "\n"


def _counted(found: pd.DataFrame) -> str:
    """Say how many conclusions differ, by themselves and for all of them together."""
    conclusions = found[found["primary"]]
    differ = conclusions["verdict"] == DIFFERS
    together = differ & (conclusions["p_holm"] < LEVEL)
    return (
        f"Of {len(conclusions)} conclusions {differ.sum()} differ by themselves, and {together.sum()} of these for all "
        "of them together (Holm)."
    )


def _figures(maps: pd.DataFrame, found: pd.DataFrame, questions: Questions) -> dict[str, Figure]:
    """Return the figures by name."""
    views = questions.views
    usual = [views[name] for name in USUAL]
    figures = {"effects": effects_figure(found, questions)}
    for trial in BOXES:
        rows = maps[maps["trial"] == trial].sort_values("level", na_position="last", kind="stable")
        own = [(trial, str(value)) for value in dict.fromkeys(rows["value"])]
        arms = own + [arm for arm in BESIDE.get(trial, []) if _is_scored(maps, arm)]
        if own:
            printed_as = [PRINTED_AS.get((trial, *arm), arm) for arm in arms]
            figures[trial] = score_boxes(
                maps, arms, usual, "kappa", (2018, None, 2015), printed_as=printed_as, called=questions.names
            )
    known = [arm for arm in PASSES if _is_scored(maps, arm)]
    if len(known) > 1:
        figures["passes"] = score_boxes(maps, known, usual, "kappa", (2018, None, None), called=questions.names)
        work = [forward_passes(value.removesuffix(EVEN)) for _, value in known]
        figures["passes_work"] = work_against_accuracy(maps, known, views["held"], work)
    answered = set(found.loc[found["n"] >= FEWEST, "question"])
    for initials, name in GROUPS.items():
        ids = [q.id for q in questions.questions if q.id.rstrip("0123456789") in initials and q.id in answered]
        if ids:
            figures[f"effects_{name}"] = views_figure(found, questions, ids)
    return figures
