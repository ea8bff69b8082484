"""A map that is begun keeps its number format where the settings leave it open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lulcseg.mosaic import trained_model
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.mapping import map_scene
from lulcseg.training.precision import ChosenComputing
from tests.support.mosaics import (
    ArrayReader,
    FunctionModel,
    NormalisedUNet,
    holes,
    pixels_of,
    random_image,
    request_of,
    stopped_at_row,
)
from tests.support.pass_plans import MULTIPLE

pytestmark = pytest.mark.usefixtures("one_thread")


def asked(folder, precision, count=1):
    """Return the map's request, of models whose format is left open or spelt out."""
    networks = [NormalisedUNet(seed=4 + number) for number in range(count)]
    reader = ArrayReader(random_image(67, 41), holes(67, 41))
    ensemble, scene, settings = request_of(folder, networks, reader, MULTIPLE, patch=16, strip=16)
    return Ensemble(tuple(replace(member, precision=precision) for member in ensemble.members)), scene, settings


@pytest.fixture
def fastest(monkeypatch):
    """Return a function that sets what is measured to be the fastest format."""

    def put(precision):
        def choose(setting, *_, **__):
            return ChosenComputing(precision if setting == "auto" else setting)

        monkeypatch.setattr(trained_model, "choose_computing", choose)

    return put


@pytest.mark.parametrize("count", [1, 2])
def test_another_measurement_leaves_a_begun_map_its_format(tmp_path, fastest, capsys, count):
    fastest("bf16-mixed")
    out = tmp_path / "maps" / "map.tif"
    with stopped_at_row(40):
        map_scene(*asked(tmp_path, "auto", count), out, label="test")
    fastest("32-true")
    result = map_scene(*asked(tmp_path, "auto", count), out, label="test")
    assert result.strips_resumed > 0
    said = capsys.readouterr().out
    assert "map.tif was begun in bfloat16, and keeps it." in said
    assert "was left as it is" not in said
    assert not list((tmp_path / "maps").glob(".*")), "two maps were begun"
    assert set(pixels_of(tmp_path)) == {"map.tif"}


def test_a_format_that_is_spelt_out_begins_another_map(tmp_path, fastest, capsys):
    fastest("bf16-mixed")
    out = tmp_path / "maps" / "map.tif"
    with stopped_at_row(40):
        map_scene(*asked(tmp_path, "auto"), out, label="test")
    result = map_scene(*asked(tmp_path, "32-true"), out, label="test")
    assert result.strips_resumed == 0
    assert "An unfinished map by other settings (precision) was left as it is" in capsys.readouterr().out


def test_other_differences_are_other_maps(tmp_path, fastest, capsys):
    fastest("bf16-mixed")
    out = tmp_path / "maps" / "map.tif"
    with stopped_at_row(40):
        map_scene(*asked(tmp_path, "auto"), out, label="test")
    fastest("32-true")
    ensemble, scene, settings = asked(tmp_path, "auto")
    result = map_scene(ensemble, scene, replace(settings, trim=0.25), out, label="test")
    assert result.strips_resumed == 0
    assert "was begun in" not in capsys.readouterr().out


def test_models_know_whether_their_format_was_left_open(tmp_path, fastest):
    fastest("bf16-mixed")
    (member,) = asked(tmp_path, "auto")[0].members
    assert isinstance(member, FunctionModel)
    assert (member.precision, member.leaves_open) == ("bf16-mixed", True)
    copied = replace(member, precision="32-true")
    assert (copied.precision, copied.leaves_open) == ("32-true", True), "a copy forgets that it was left open"
    assert not asked(tmp_path, "32-true")[0].leaves_format_open
