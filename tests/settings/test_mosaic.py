"""From the settings of a map to its passes, and what the settings refuse."""

from __future__ import annotations

import pytest
import yaml

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.mosaic.passes import Pass, PassPlan, plan_from
from lulcseg.mosaic.products import LAYERS
from lulcseg.mosaic.weight_windows import WEIGHTS
from lulcseg.settings.configuration_folders import CONF
from lulcseg.settings.mosaic import OUTPUTS, MosaicSettings
from tests.support.pass_plans import CROP, MULTIPLE, PLANS


def settings(*overrides):
    return compose("predict", list(overrides)).mosaic


def test_names_are_known_on_both_sides():
    """The settings don't import what they name, so that ``--help`` is quick."""
    fields = MosaicSettings.__dataclass_fields__
    assert fields["name"].metadata["choices"]() == tuple(PLANS)
    assert fields["weight"].metadata["choices"] == WEIGHTS
    assert (*LAYERS, "polygons", "review") == OUTPUTS


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_had_by_its_name(name):
    assert plan_from(settings(f"mosaic={name}")) == (name, PLANS[name])
    assert yaml.safe_load((CONF / "mosaic" / f"{name}.yaml").read_text())["name"] == name


def test_multiple_is_predictions_default_and_single_trainings():
    assert settings().name == "multiple"
    assert compose("train").mosaic.name == "single"


def test_what_is_changed_in_a_plan_shows_in_its_name():
    assert plan_from(settings("mosaic.weight=hann")) == ("multiple-hann", PassPlan(MULTIPLE.passes, "hann"))
    assert plan_from(settings("mosaic.weight=cone")) == ("multiple", MULTIPLE)
    assert plan_from(settings("mosaic=crop", "mosaic.trim=0.25")) == ("crop-trim0.25", PassPlan(CROP.passes, trim=0.25))
    assert plan_from(settings("mosaic=single", "mosaic.patch_size=256"))[0] == "single-patch256"


def test_passes_of_ones_own():
    first, plan = plan_from(
        settings("mosaic.passes=[{offset: [0, 0.25], rotations: [270, 0], flips: true}, {offset: [0.5, 0.5]}]")
    )
    assert plan == PassPlan((Pass(0, 0.25, (3, 0), flips=True), Pass(0.5, 0.5)), "cone")
    second, _ = plan_from(settings("mosaic.passes=[{rotations: [270, 0]}]"))
    assert first.startswith("own-")
    assert second.startswith("own-")
    assert first != second


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("mosaic.passes=[{offset: [0.5]}]", "give rows and columns"),
        ("mosaic.passes=[{offset: [0, 1.0]}]", "from 0 to below 1"),
        ("mosaic.passes=[{rotations: [45]}]", "use 0, 90, 180, 270"),
        ("mosaic.passes=[{rotations: [0, 360]}]", "each once"),
        ("mosaic.passes=[{turn: 90}]", "'turn' not in 'MosaicPass'"),
        ("mosaic.outputs=[confidense]", "did you mean 'confidence'"),
        ("mosaic.outputs=confidence", r"write mosaic\.outputs=\[confidence\]"),
        ("mosaic.trim=0.6", "above 0.45"),
        ("mosaic.weight=gauss", "did you mean 'gaussian'"),
        ("mosaic.strip=0", "below 16"),
    ],
)
def test_what_makes_no_sense_is_refused(override, part):
    with pytest.raises(LulcsegError, match=part):
        plan_from(settings(override))


@pytest.mark.parametrize("overrides", [["mosaic=single"], ["mosaic=crop"], ["mosaic.passes=[{offset: [0.5, 0.5]}]"]])
def test_disagreement_needs_several_views_or_models(overrides):
    with pytest.raises(LulcsegError, match="there is only one; set mosaic=multiple"):
        settings(*overrides, "mosaic.outputs=[disagreement]").check_views(models=1)
    settings(*overrides, "mosaic.outputs=[disagreement]").check_views(models=2)
    settings("mosaic.passes=[{flips: true}]", "mosaic.outputs=[disagreement]").check_views(models=1)


def test_a_region_whose_address_holds_secrets_is_refused() -> None:
    words = r"region is an address with a user or a query.*copy the file"
    for region in (
        "https://host/a.gpkg?sig=secret", "https://me:pw@host/a.gpkg", "https://me:p/w@host/a.gpkg",
        "/vsicurl/https://host/a.gpkg?sig=secret",
    ):  # fmt: skip
        with pytest.raises(LulcsegError, match=words) as refused:
            MosaicSettings(region=region)
        assert "secret" not in str(refused.value)
        assert "pw" not in str(refused.value)
    for region in ("https://host/a.gpkg|layername=work", "maps/a@home.gpkg", "s3://bucket/a.gpkg", "s3://b/x@2/a.gpkg",
                   "/data/who? me@home/a.gpkg", "file:///data/me@home/a.gpkg", "FILE:///a?b.gpkg"):  # fmt: skip
        assert MosaicSettings(region=region).region == region
