"""Calibration of a model's probabilities: a factor and an offset of each class's logit, kept beside the checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lulcseg.errors import LulcsegError
from lulcseg.files import path_of, read_json, sha256_of, write_json

if TYPE_CHECKING:  # a fingerprint is computed without torch
    import torch
    from torch import Tensor

TEMPERATURE, VECTOR = "temperature", "vector"
METHODS = (TEMPERATURE, VECTOR)

AUTO, NONE = "auto", "none"
"""Settings of ``calibration`` besides a method and a path: the file beside the checkpoint if there is one; none."""

FORMAT = 1
"""Version of the file."""


@dataclass(frozen=True)
class Calibration:
    """Logits z become a · z + b before the softmax.

    Temperature scaling has a = 1 / T for all classes and b = 0 (Guo et al. 2017, eq. 9), vector scaling a factor and
    an offset of each class (their section 4.2, a diagonal matrix).

    Attributes:
        method: ``temperature`` or ``vector``.
        factor: The classes' factors a, in the legend's order, above 0.
        offset: Their offsets b.
        precision: For each class, pairs of a confidence and the share of held-out pixels mapped as the class with at
            least this confidence that are of it; see :meth:`threshold`.

    Example:
        >>> import torch
        >>> scale = Calibration.of_temperature(2.0, 3).on(torch.device("cpu"))
        >>> scale(torch.tensor([2.0, 4.0, 6.0]).reshape(1, 3, 1, 1)).flatten().tolist()
        [1.0, 2.0, 3.0]
    """

    method: str
    factor: tuple[float, ...]
    offset: tuple[float, ...]
    precision: tuple[tuple[tuple[float, float], ...], ...] = ()

    @classmethod
    def of_temperature(cls, temperature: float, classes: int) -> Calibration:
        """Return the calibration of one temperature T above 0."""
        return cls(TEMPERATURE, (1 / temperature,) * classes, (0.0,) * classes)

    def on(self, device: torch.device) -> Callable[[Tensor], Tensor]:
        """Return what scales logits on a device, (B, K, h, w) float32, in place.

        With factors of 1 and offsets of 0 logits keep their values to the last bit.
        """
        import torch

        factor, offset = (
            torch.tensor(each, dtype=torch.float32, device=device).reshape(1, -1, 1, 1)
            for each in (self.factor, self.offset)
        )
        shifts = any(self.offset)

        def scale(logits: Tensor) -> Tensor:
            logits = logits.mul_(factor)
            return logits.add_(offset) if shifts else logits

        return scale

    def describe(self) -> str:
        """Return it in words.

        >>> Calibration.of_temperature(1.6, 2).describe()
        'temperature 1.600'
        """
        if self.method == TEMPERATURE:
            return f"temperature {1 / self.factor[0]:.3f}"
        low, high = min(self.factor), max(self.factor)
        return f"vector scaling (factors {low:.3f} to {high:.3f})"

    def identity(self) -> dict[str, Any]:
        """Return what a map's pixels depend on, as plain Python."""
        return {"method": self.method, "factor": list(self.factor), "offset": list(self.offset)}

    def threshold(self, class_index: int, precision: float) -> float:
        """Return the lowest confidence from which on a class's precision on held-out ground is never below a share.

        Args:
            class_index: The class.
            precision: Requested share, 0…1.

        Returns:
            The confidence, 0…1; infinity if no confidence was enough, or the class was not mapped often enough.
        """
        found = math.inf
        for confidence, share in reversed(self.precision[class_index] if self.precision else ()):
            if share < precision:
                break
            found = confidence
        return found

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**self.identity(), "precision": [[list(pair) for pair in curve] for curve in self.precision]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Calibration:
        """Read the output of :meth:`to_plain`.

        Raises:
            ValueError: A value is not usable.
        """
        try:
            factor, offset = (tuple(float(value) for value in plain[key]) for key in ("factor", "offset"))
        except (TypeError, ValueError) as error:
            raise ValueError("factors and offsets must be numbers") from error
        try:
            curves = tuple(tuple((float(c), float(p)) for c, p in curve) for curve in plain.get("precision", ()))
        except (TypeError, ValueError) as error:
            raise ValueError("precision must be pairs of a confidence and a share") from error
        if not all(0 <= value <= 1 for curve in curves for pair in curve for value in pair):
            raise ValueError("confidences and shares in precision must be 0 to 1")
        sound = plain["method"] in METHODS and len(factor) == len(offset) > 0 and len(curves) in {0, len(factor)}
        if not sound or not all(math.isfinite(v) for v in (*factor, *offset)) or min(factor) <= 0:
            raise ValueError("factors must be above 0, and as many as offsets")
        return cls(str(plain["method"]), factor, offset, curves)


@dataclass(frozen=True)
class CalibrationFile:
    """The content of ``<checkpoint>.calibration.json``.

    Attributes:
        checkpoint: SHA-256 of the checkpoint that it belongs to.
        legend: Names of the model's classes, in order.
        method: Which of ``fits`` a prediction uses unless it names one.
        fits: The calibrations by method.
        fitted_on: The ground: scene, patches, pixels, seed and what kind of ground it is.
        scores: For each method, its standard error and the scores before and after, on patches not fitted to.
    """

    checkpoint: str
    legend: tuple[str, ...]
    method: str
    fits: Mapping[str, Calibration]
    fitted_on: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            LulcsegError: It can't be written.
        """
        fits = {method: fit.to_plain() for method, fit in self.fits.items()}
        plain = {"format": FORMAT, "checkpoint_sha256": self.checkpoint, "legend": list(self.legend)}
        write_json(
            path,
            {**plain, "method": self.method, "fits": fits, "fitted_on": self.fitted_on, "scores": self.scores},
        )

    @classmethod
    def load(cls, path: Path) -> CalibrationFile:
        """Read a file.

        Raises:
            LulcsegError: It is missing, or not a calibration of this format.
        """
        if not path.is_file():
            raise LulcsegError("there is no such calibration", where=path, remedy="fit it: lulcseg calibrate")
        plain = read_json(path) or {}
        if plain.get("format") != FORMAT:
            raise LulcsegError(
                f"not a calibration of format {FORMAT}", where=path, remedy="fit it again: lulcseg calibrate"
            )
        try:
            return cls(
                checkpoint=str(plain["checkpoint_sha256"]),
                legend=tuple(str(name) for name in plain["legend"]),
                method=str(plain["method"]),
                fits={str(name): Calibration.from_plain(fit) for name, fit in plain["fits"].items()},
                fitted_on=plain["fitted_on"],
                scores=plain["scores"],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            reason = reason if isinstance(error, KeyError | ValueError) else "a part has another form"
            raise LulcsegError(
                f"not a calibration, or damaged ({reason})", where=path, remedy="fit it again: lulcseg calibrate"
            ) from error


def calibration_beside(checkpoint: Path) -> Path:
    """Return the path of a checkpoint's calibration.

    >>> calibration_beside(Path("run/checkpoints/best.ckpt")).as_posix()
    'run/checkpoints/best.calibration.json'
    """
    return checkpoint.with_suffix(".calibration.json")


def find_calibration(checkpoint: Path, setting: str, legend: Sequence[str] | None = None) -> Calibration | None:
    """Return the calibration that a prediction uses.

    Args:
        checkpoint: The model's file.
        setting: ``auto``: that of the file beside the checkpoint if there is one; ``none``; ``temperature`` or
            ``vector``: the one of this method, which must be there; or the path of a file.
        legend: Names of the model's classes, in order; None: not compared.

    Returns:
        The calibration; None for none.

    Raises:
        LulcsegError: The file is missing, damaged, of another checkpoint or legend, or lacks the method.
    """
    beside = calibration_beside(checkpoint)
    if setting == NONE or (setting == AUTO and not beside.is_file()):
        return None
    path = beside if setting in {AUTO, *METHODS} else path_of(setting, "calibration")
    if path != beside and not path.is_file():
        raise LulcsegError(
            "there is no such file",
            where=f"calibration={setting}",
            remedy=f"use {AUTO}, {NONE}, {', '.join(METHODS)}, or the path of a .calibration.json",
        )
    found = CalibrationFile.load(path)
    if found.checkpoint != sha256_of(checkpoint):
        raise LulcsegError(
            f"it belongs to another checkpoint than {checkpoint}",
            where=path,
            remedy="fit it again (lulcseg calibrate), or set calibration=none",
        )
    method = setting if setting in METHODS else found.method
    fit = found.fits.get(method)
    if fit is None:
        raise LulcsegError(
            f"it holds no {method} scaling", where=path, remedy=f"fit it: lulcseg calibrate … method={method}"
        )
    if legend is not None and (found.legend != tuple(legend) or len(fit.factor) != len(legend)):
        raise LulcsegError(
            f"its classes ({', '.join(found.legend)}) are not the model's ({', '.join(legend)})",
            where=path,
            remedy="fit it again: lulcseg calibrate",
        )
    return fit
