"""Settings of the loss: what is refused by itself."""

from __future__ import annotations

from typing import Any

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.settings.loss import LossSettings


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"class_weights": "invers"}, "loss.class_weights=invers is not one of its choices; did you mean 'inverse'?"),
        ({"class_weights": [1, -2]}, "-2 is not a number of 0 or more"),
        ({"class_weights": [1, float("nan")]}, "nan is not a number of 0 or more"),
        ({"class_weights": {"a": "b"}}, "b is not a number of 0 or more"),
        ({"class_weights": {1: 2.0}}, "1 is not the name of a class"),
        ({"class_weights": [0, 0]}, "nothing would be learned"),
        ({"class_weights": []}, "neither a name, a list nor a mapping"),
        ({"class_weights": None}, "neither a name, a list nor a mapping"),
        ({"name": "lovasz", "class_weights": "inverse"}, "class_weights=inverse does nothing with loss.name=lovasz"),
        ({"name": "tversky", "class_weights": [1, 2]}, "does nothing with loss.name=tversky"),
        ({"name": "focal", "label_smoothing": 0.1}, "label_smoothing=0.1 does nothing with loss.name=focal"),
        ({"name": "dice_ce", "prior_correction": 1.0}, "prior_correction=1.0 does nothing with loss.name=dice_ce"),
        ({"focal_gamma": 3.0}, "leave it out, or choose a loss that uses it: focal"),
        ({"effective_beta": 0.9}, "does nothing with loss.class_weights=none; set loss.class_weights=effective_number"),
        ({"name": "dice_ce", "dice_share": 1.0, "label_smoothing": 0.1}, "does nothing with loss.dice_share=1"),
    ],
)
def test_what_would_do_nothing_or_is_no_weight_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(LulcsegError) as caught:
        LossSettings(**settings)
    assert words in str(caught.value)


def test_weights_are_written_as_a_name_a_list_or_a_mapping() -> None:
    for written, expected in (
        ("inverse", "inverse"),
        ("[1,2.5]", [1, 2.5]),
        ("{Tea Tree Plantation: 2, Tree Crop - Mature: 3}", {"Tea Tree Plantation": 2, "Tree Crop - Mature": 3}),
    ):
        config = compose("train", [f"loss.class_weights={written}"])
        assert config.loss.class_weights == expected
        assert config.loss.weighs_classes
        assert config.loss.weighs_by_plan == isinstance(expected, str)


@pytest.mark.parametrize("name", ["cross_entropy", "focal", "dice_ce", "lovasz", "tversky"])
def test_every_loss_is_an_option_of_its_group(name: str) -> None:
    assert compose("train", [f"loss={name}"]).loss == LossSettings(name=name)


def test_a_target_keeps_arguments_named_as_in_the_papers() -> None:
    """Settings of our losses are named apart, so that +loss.gamma stays an argument."""
    config = compose("train", ["loss._target_=a.B", "+loss.gamma=2", "+loss.alpha=0.25", "loss.label_smoothing=0.1"])
    assert config.loss.arguments == {"gamma": 2, "alpha": 0.25}
