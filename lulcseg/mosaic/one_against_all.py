"""Models of one class against all others, joined into one of all classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from lulcseg.errors import LulcsegError
from lulcseg.legend import Legend


class OneAgainstAll:
    """Carries the probabilities of K models that each know one class and the rest as the logits of one model.

    Their softmax is linear in those probabilities: pₖ / K for each class, and what is left to 1. The mean over views,
    passes and patches, which a map is made of, so holds each model's own mean, of which :func:`joined` makes the map.

    Args:
        models: Give logits, (B, 2, P, P), for images (B, C, P, P) and where they are valid (B, P, P).
        legends: The two classes of each model, in the order of its logits.

    Attributes:
        networks: Number of models K.
    """

    def __init__(self, models: Sequence[Callable[[Tensor, Tensor], Tensor]], legends: Sequence[Legend]) -> None:
        self._models = list(models)
        self._own = [each.index(name) for each, name in zip(legends, own_classes(legends), strict=True)]
        self.networks = len(self._models)

    def __call__(self, image: Tensor, valid: Tensor) -> Tensor:
        """Return logits, (B, K + 1, P, P) float32: the models' classes in their order, and what is left to 1."""
        shares = []
        for model, own in zip(self._models, self._own, strict=True):
            shares.append(torch.softmax(model(image, valid), dim=1, dtype=torch.float32)[:, own])
        packed = torch.stack(shares, dim=1) / self.networks
        return torch.cat([packed, (1 - packed.sum(dim=1, keepdim=True)).clamp(min=0)], dim=1).log()


def joined(carried: Tensor, legends: Sequence[Legend], legend: Legend) -> Tensor:
    """Return shares of all classes from the mean of what :class:`OneAgainstAll` carries.

    Args:
        carried: (K + 1, h, W) float32.
        legends: The two classes of each model.
        legend: All classes (:func:`joined_legend`).

    Returns:
        (K + 1, h, W) float32, in the legend's order.
    """
    known = own_classes(legends)
    order = [known.index(name) if name in known else len(known) for name in legend.names]
    return join_shares((carried[:-1] * len(known)).clamp(max=1))[order]


def join_shares(shares: Tensor) -> Tensor:
    """Return shares of all classes from each class's probability by its own model.

    The rest's is the complement of the highest, so that a pixel is of the rest where no model holds its class for more
    probable than not, and else of the class whose model is surest. All are divided by their sum.

    Args:
        shares: (K, …) the probability of each class against all others, 0…1.

    Returns:
        (K + 1, …) float32, the rest last; they add up to 1.

    Example:
        >>> join_shares(torch.tensor([[0.75], [0.5]])).flatten().tolist()
        [0.5, 0.3333333432674408, 0.1666666716337204]
    """
    rest = 1 - shares.amax(dim=0, keepdim=True)
    both = torch.cat([shares, rest])
    return both / both.sum(dim=0, keepdim=True)


def joined_legend(legends: Sequence[Legend], files: Sequence[Path]) -> Legend:
    """Return the legend of several models of one class each: their classes and the common rest, in order of code.

    Args:
        legends: The two classes of each.
        files: The models' files, for messages.

    Raises:
        LulcsegError: There is one model alone, one has more than two classes, two know the same class, classes share a
            code, or they have no rest in common or give it different codes.
    """
    if len(legends) < 2:
        raise _refused("joins several models, and this is one", files[0])
    for legend, file in zip(legends, files, strict=True):
        if len(legend) != 2:
            raise _refused(f"joins models of one class and the rest, and this one knows {len(legend)}", file)
    common = set(legends[0].names)
    for legend, file in zip(legends[1:], files[1:], strict=True):
        if not common & set(legend.names):
            was = " or ".join(sorted(common))
            raise _refused(
                f"needs a rest that all models share: {was} in those before, and this one knows "
                f"{' and '.join(legend.names)}",
                file,
            )
        common &= set(legend.names)
    rest = rest_of(legends)
    if rest is None:
        both = " and ".join(sorted(common))
        raise _refused(f"needs a class of its own from each model, and all know {both}", files[1])
    found: dict[str, Path] = {}
    for legend, file in zip(legends, files, strict=True):
        (own,) = set(legend.names) - {rest}
        if own in found:
            raise _refused(f"needs a class of its own from each model: {own} is known by {found[own]} too", file)
        found[own] = file
    codes = {legend.codes[legend.index(rest)]: file for legend, file in zip(legends, files, strict=True)}
    if len(codes) > 1:
        (here, first), (there, other) = list(codes.items())[:2]
        raise _refused(f"needs one code of {rest}: it is {here} in {first} and {there} here", other)
    classes = {land_class.name: land_class for legend in reversed(legends) for land_class in legend}
    by_code: dict[int, str] = {}
    for name, file in found.items():
        code = classes[name].code
        if code in by_code:
            raise _refused(f"needs a code of each class: {code} is {by_code[code]} too", file)
        by_code[code] = name
    return Legend(tuple(sorted(classes.values(), key=lambda land_class: land_class.code)))


def rest_of(legends: Sequence[Legend]) -> str | None:
    """Return the name of the only class that all have in common; None: there is none, or more than one."""
    common = set.intersection(*(set(legend.names) for legend in legends))
    return common.pop() if len(common) == 1 else None


def own_classes(legends: Sequence[Legend]) -> list[str]:
    """Return the name of each model's own class: the one of its two that isn't the rest."""
    rest = rest_of(legends)
    return [next(name for name in legend.names if name != rest) for legend in legends]


def _refused(what: str, file: Path) -> LulcsegError:
    return LulcsegError(
        f"combine=one_against_all {what}",
        where=file,
        remedy="give models of one class each, trained on scenes of lulcseg study class",
    )
