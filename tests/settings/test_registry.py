"""Parts by name and by dotted path."""

from __future__ import annotations

from typing import Any

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.settings.loss import LOSSES
from lulcseg.settings.model import NETWORKS, ModelSettings
from lulcseg.settings.optim import OPTIMIZERS, SCHEDULES, OptimSettings
from lulcseg.settings.registry import OpenChoices, bound_arguments, build_target, import_target, plain_section
from lulcseg.settings.schema import check_bounds


@pytest.mark.parametrize("registry", [NETWORKS, LOSSES, OPTIMIZERS, SCHEDULES], ids=lambda each: each.kind)
def test_every_registered_part_can_be_imported(registry: Any) -> None:
    assert len(registry) == len(list(registry)) > 0
    for name in registry:
        assert callable(registry.load(name)), name


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(LulcsegError, match=r"model\.name: there is no network 'unett'; did you mean 'unet'\?"):
        NETWORKS.load("unett")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("MyLoss", "'MyLoss' is not a dotted path"),
        ("my loss.Loss", "is not a dotted path"),
        ("no_such_package.Loss", "can't be imported .*No module named 'no_such_package'.*PYTHONPATH"),
        ("tests.support.custom_parts.Focal", "does not exist: tests.support.custom_parts has no 'Focal'"),
        ("math.pi", "is not a class or function"),
    ],
)
def test_a_target_that_is_not_there_is_a_sentence(target: str, words: str) -> None:
    with pytest.raises(LulcsegError, match=rf"^loss\._target_: .*{words}"):
        import_target(target, "loss._target_")


def test_only_named_arguments_are_offered_and_settings_come_first() -> None:
    offered = {"bands": 3, "classes": 9, "spare": 1}
    _, chosen = bound_arguments("tests.support.custom_parts.TinyNetwork", {"classes": 2}, "here", offered)
    assert chosen == {"bands": 3, "classes": 2}


def test_refused_arguments_are_a_sentence_with_the_signature() -> None:
    with pytest.raises(LulcsegError, match=r"FocalLoss refuses its arguments \(.*'gama'\); its signature is \(gamma\)"):
        build_target("tests.support.custom_parts.FocalLoss", {"gama": 1.0}, "here")
    with pytest.raises(LulcsegError, match=r"Fraction refuses its arguments \(ZeroDivisionError"):
        build_target("fractions.Fraction", {"numerator": 1, "denominator": 0}, "here")


def test_a_section_is_plain_as_before_there_were_targets() -> None:
    assert not {"target", "arguments"} & plain_section(ModelSettings()).keys()
    own = plain_section(ModelSettings(target="a.B", arguments={"width": 2}))
    assert (own["target"], own["arguments"]) == ("a.B", {"width": 2})


def test_a_schedule_is_a_name_or_a_path() -> None:
    assert list(OpenChoices(SCHEDULES)) == ["constant", "cosine", "linear", "one_cycle"]
    check_bounds(OptimSettings(schedule="my_package.my_schedule"))
    with pytest.raises(LulcsegError, match="did you mean 'cosine'"):
        check_bounds(OptimSettings(schedule="cosin"))
