"""The result of an accuracy assessment, and its three files."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lulcseg.assessment.design import DesignBased
from lulcseg.assessment.reliability import Reliability
from lulcseg.assessment.scores import Scores, score
from lulcseg.errors import LulcsegError
from lulcseg.files import is_there, read_json, replacing
from lulcseg.legend import Legend

FORMAT = 1
"""Version of the JSON's layout."""

Compared = Literal["map", "labels"]
Places = Literal["points", "pixels"]

_TEXT_COLUMNS = ("reference", "map", "agrees", "excluded", "subset", "second_choice")


@dataclass(frozen=True, slots=True)
class SubsetScores:
    """The scores of part of the points; averages are over ``classes_averaged`` classes."""

    n_scored: int
    overall_accuracy: float
    kappa: float
    mean_f1: float
    classes_averaged: int


@dataclass(frozen=True, eq=False)
class Assessment:
    """A comparison of a map, or of the digitised polygons, with the reference.

    Attributes:
        scene: Name of the scene.
        compared: What was compared with the reference: a ``map`` or the digitised ``labels``.
        source: Path of the map or of the polygons.
        reference: Path of the reference.
        mosaic: The mosaic setting that the map was made with, if any.
        design: How the points were drawn, one of :data:`lulcseg.assessment.design.DESIGNS`; "census"
            if every pixel was compared.
        places: Whether points or all pixels were compared.
        legend: The classes.
        confusion: (n, n) int64; rows = reference, columns = map.
        scores: The scores of the confusion matrix.
        n_points: Number of places, scored or not.
        excluded: Number of places that could not be scored, by reason; with the scored ones they sum to
            ``n_points``.
        unmapped: Per reference class: places that the source covers without a class.
        points: One row a point (see :func:`lulcseg.assessment.score_points.assess`); None for pixels.
        subsets: Scores inside and outside the training patches, if known.
        notes: Preparation of the files before the comparison, such as warping, a sentence each.
        design_based: Design-based estimates for the whole map; None if there are none.
        design_note: Why there are none, in a sentence; empty if unknown or if there are estimates.
        reliability: Scores of the map's probabilities at the points; None without probabilities.
    """

    scene: str
    compared: Compared
    source: str
    reference: str
    mosaic: str | None
    design: str
    places: Places
    legend: Legend
    confusion: NDArray[np.int64]
    scores: Scores
    n_points: int
    excluded: dict[str, int]
    unmapped: tuple[int, ...]
    points: pd.DataFrame | None = None
    subsets: dict[str, SubsetScores] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    design_based: DesignBased | None = None
    design_note: str = ""
    reliability: Reliability | None = None

    @property
    def has_intervals(self) -> bool:
        """Whether there is a sampling error: a comparison of every pixel is not a sample."""
        return self.places == "points"

    def to_plain(self) -> dict[str, Any]:
        """Return the content of the JSON file."""
        s = self.scores
        plain: dict[str, Any] = {
            "format": FORMAT,
            "scene": self.scene,
            "compared": self.compared,
            "source": self.source,
            "reference": self.reference,
            "mosaic": self.mosaic,
            "design": self.design,
            "places": self.places,
            "n_points": self.n_points,
            "n_scored": s.n_scored,
            "excluded": self.excluded,
            "classes": self.legend.to_plain(),
            "confusion": self.confusion.tolist(),
            "unmapped": list(self.unmapped),
            "overall_accuracy": s.overall_accuracy,
            "kappa": s.kappa,
            "mean_f1": s.mean_f1,
            "mean_users": s.mean_users,
            "mean_producers": s.mean_producers,
            "classes_averaged": s.classes_averaged,
            "per_class": [self._class_scores(i) for i in range(len(self.legend))],
        }
        if self.notes:
            plain["notes"] = list(self.notes)
        if self.design_based is not None:
            plain["design_based"] = self.design_based.to_plain()
        if self.design_note:
            plain["design_note"] = self.design_note
        if self.reliability is not None:
            plain["reliability"] = self.reliability.to_plain()
        plain.update({name: asdict(subset) for name, subset in self.subsets.items()})
        return cast(dict[str, Any], _without_nan(plain))

    def save(self, stem: Path) -> list[Path]:
        """Write ``<stem>.json``, ``<stem>_confusion.csv`` and, for points, ``<stem>_points.csv``.

        Args:
            stem: Path without the suffix, such as ``<run>/assessment/<scene>_<mosaic>``.

        Returns:
            The files written, the JSON last: if it exists, the others are complete.

        Raises:
            LulcsegError: A file can't be written.
        """
        files = [_sibling(stem, "_confusion.csv"), _sibling(stem, ".json")]
        with ExitStack() as stack:
            json_part = stack.enter_context(replacing(files[1]))  # entered first, so renamed last
            text = json.dumps(self.to_plain(), indent=1, ensure_ascii=False, allow_nan=False)
            json_part.write_text(text + "\n", encoding="utf-8")
            names = self.legend.names
            matrix = pd.DataFrame(self.confusion, index=pd.Index(names, name="reference \\ map"), columns=names)
            matrix.to_csv(stack.enter_context(replacing(files[0])))
            if self.points is not None:
                files.insert(0, _sibling(stem, "_points.csv"))
                self.points.to_csv(stack.enter_context(replacing(files[0])), index=False)
        return files

    @classmethod
    def load(cls, stem: Path, *, with_points: bool = True) -> Assessment:
        """Read an assessment; the scores are recomputed from the matrix.

        Args:
            stem: The stem given to :meth:`save`, or the JSON file itself.
            with_points: Whether to read the table of points too, which is by far the larger part.

        Raises:
            LulcsegError: The file is missing or not an assessment of this format.
        """
        path = stem if stem.suffix == ".json" else _sibling(stem, ".json")
        plain = _read_json(path)
        try:
            confusion = np.array(plain["confusion"], dtype=np.int64)
            return cls(
                scene=plain["scene"],
                compared=plain["compared"],
                source=plain["source"],
                reference=plain["reference"],
                mosaic=plain["mosaic"],
                design=plain["design"],
                places=plain.get("places", "points"),
                legend=Legend.from_plain(plain["classes"]),
                confusion=confusion,
                scores=score(confusion),
                n_points=plain["n_points"],
                excluded=dict(plain["excluded"]),
                unmapped=tuple(plain["unmapped"]),
                points=_read_points(_sibling(path.with_suffix(""), "_points.csv")) if with_points else None,
                subsets={
                    name: SubsetScores(**_with_nan(plain[name]))
                    for name in ("inside_training", "outside_training")
                    if name in plain
                },
                notes=tuple(plain.get("notes", ())),
                design_based=DesignBased.from_plain(plain["design_based"]) if "design_based" in plain else None,
                design_note=plain.get("design_note", ""),
                reliability=Reliability.from_plain(plain["reliability"]) if "reliability" in plain else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise LulcsegError(
                f"is not an assessment ({error!r})", where=path, remedy="assess the map again"
            ) from error

    def _class_scores(self, i: int) -> dict[str, object]:
        s = self.scores
        entry: dict[str, object] = {
            "name": self.legend.names[i],
            "reference_points": s.reference_points[i],
            "mapped_points": s.mapped_points[i],
            "users": s.users[i],
            "producers": s.producers[i],
            "f1": s.f1[i],
        }
        if self.has_intervals:
            entry["users_ci"], entry["producers_ci"] = (
                None if math.isnan(bounds[0]) else list(bounds)
                for bounds in (s.users_interval[i], s.producers_interval[i])
            )
        return entry


def files_to_save(stem: Path, *, of_change: bool = False) -> list[Path]:
    """Return the files that an assessment is saved in, and check that none is there, unless an assessment is.

    Args:
        stem: As of :meth:`Assessment.save`.
        of_change: Whether it is the assessment of a change, which has one more file.

    Raises:
        LulcsegError: A file of another kind would be replaced.
    """
    files = [_sibling(stem, end) for end in (".json", "_points.csv", "_confusion.csv", "_change.json")]
    files = files if of_change else files[:-1]
    if (read_json(files[0]) or {}).get("format") != FORMAT:
        for path in files:
            if is_there(path):
                raise LulcsegError(
                    "it exists already, and not as part of an assessment",
                    where=path,
                    remedy="give --out another name",
                )
    return files


def _sibling(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)  # not with_suffix: a scene's name may hold a full stop


def _read_json(path: Path) -> dict[str, Any]:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LulcsegError("no such file", where=path, remedy="assess the map first") from error
    except (OSError, ValueError) as error:
        raise LulcsegError("is not a readable JSON file", where=path, remedy="assess the map again") from error
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise LulcsegError(f"is not an assessment of format {FORMAT}", where=path, remedy="assess the map again")
    return plain


def _read_points(path: Path) -> pd.DataFrame | None:
    if not path.exists():
        return None
    # A class may be called "NA" or "None": text columns are read as they are.
    text = dict.fromkeys(_TEXT_COLUMNS, str)
    missing = {column: [""] for column in ("point", "x", "y", "interpreter", "stratum", "weight")}
    return pd.read_csv(path, dtype=text, keep_default_na=False, na_values=missing)


def _without_nan(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _without_nan(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _with_nan(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {key: math.nan if value is None else value for key, value in plain.items()}
