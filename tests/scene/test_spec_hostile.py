"""Scene files that were made to break the reader: one sentence each, and nothing from outside the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.scene.spec import read_scene

IMAGERY = "imagery: {files: [x.tif]}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("date: 2018-02-30", "date '2018-02-30' is not in the calendar; write it as 2018-08-15"),
        ("date: 2018-13-01", "date '2018-13-01' is not in the calendar"),
        ("2018: x", "unknown key '2018'"),
        ("name: 1e5", "name is not read as text; write it in quotes"),
        ("name: [a]", "name is not read as text"),
        ("date: 2018.5", "date is not read as text"),
        ("legend: [{code: 1, name: null, colour: '#000000'}]", "legend: name is not read as text"),
        ("legend: [{code: 1, name: 1e5, colour: '#000000'}]", "legend: name is not read as text"),
        ("yes: x", "unknown key 'yes'"),
        ("name: ${oc.env:HOME}", "refers to a value elsewhere"),
        ("date: ${oc.env:HOME}", "refers to a value elsewhere"),
        (f"legend: [{{code: {'9' * 5000}, name: a, colour: '#000000'}}]", "not a whole number"),
        ("synthetic: {size: 999999999999}", "above 65536"),
        (f"synthetic: {{seed: {2**40}}}", "above 4294967295"),
    ],
)
def test_hostile_scene_files(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text((text if text.startswith("synthetic") else IMAGERY + text) + "\n")
    with pytest.raises(LulcsegError, match=told.replace("$", r"\$").replace("{", r"\{")) as caught:
        read_scene(str(path), cache=tmp_path)
    assert len(str(caught.value)) < 5500


@pytest.mark.parametrize("date", ["2018", "2018-08", "2018-08-15", "20180815", "2018-08-15T10:30:00"])
def test_dates_of_the_calendar(tmp_path: Path, date: str) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(f"{IMAGERY}date: {date}\n")
    assert read_scene(str(path), cache=tmp_path).spec.date == date
