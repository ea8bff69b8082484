"""lulcseg contact: settings as for train.py, sheets of a scene's patches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lulcseg.cli import main
from lulcseg.commands.contact import parse_settings
from lulcseg.errors import LulcsegError
from lulcseg.pictures.contact_sheets import choose_places
from lulcseg.scene.scene import Scene
from tests.conftest import write_raster
from tests.support.plans import drawn

Make = Callable[..., Path]


def test_settings_are_written_as_for_train() -> None:
    settings = parse_settings(
        ["scene=small2018", "augment=light", "augment.p.hue=0", "augment.strength=0.5", "range=[0,4000]", "patches=2"]
    )
    assert (settings.scene, settings.augment.name) == ("small2018", "light")
    assert (settings.augment.p.hue, settings.augment.p.zoom) == (0.0, None)
    assert (settings.augment.strength, settings.range, settings.patches) == (0.5, [0.0, 4000.0], 2)
    assert parse_settings(["a.yaml"]).scene == "a.yaml"
    assert parse_settings(["a.yaml", "augment.strength=2"]).augment.name == "paper"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["a.yaml", "pathces=3"], "did you mean 'patches'?"),
        (["a.yaml", "patches=0"], "below 1"),
        (["a.yaml", "augment=papr"], "paper"),
        (["a.yaml", "augment.strenght=1"], "augment.strength"),
        (["a.yaml", "patches=[1"], "can't read"),
        (["a.yaml", "range=[1]"], "range=[1.0] is not"),
        (["a.yaml", "range=[5,1]"], "is not a lower and an upper value"),
    ],
)
def test_bad_settings_get_a_sentence(words: list[str], part: str) -> None:
    with pytest.raises(LulcsegError, match=r".") as caught:
        parse_settings(words)
    assert part in str(caught.value)


def test_contact_writes_sheets(
    make_scene: Make, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"scene={make_scene()}", f"cache={cache}", "patch_size=32", "patches=2", "versions=2"]
    main(["contact", *words, f"out={tmp_path}/a.png"])
    names = ["a.png", *(f"a_{g}.png" for g in ("contrast", "noise", "geometry", "weather"))]
    assert capsys.readouterr().out.split() == [str(tmp_path / name) for name in names]
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.height > 2 * 160
        assert (np.asarray(picture) == (45, 106, 49)).all(axis=2).any()  # trees


@pytest.mark.parametrize(
    ("extra", "part"), [(["out=a.gif"], "a.gif"), (["augment.p.cloud=1", "range=[0,1]"], "clouds"), ([], "range")]
)
def test_bad_input_is_one_sentence(
    make_scene: Make, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], part: str
) -> None:
    path = make_scene()
    write_raster(path.parent / "image.tif", np.random.default_rng(0).random((3, 96, 128)).astype(np.float32))
    with pytest.raises(SystemExit) as stopped:
        main(["contact", str(path), f"cache={cache}", "patch_size=32", f"out={tmp_path}/a.png", *extra])
    assert stopped.value.code == 2
    assert part in capsys.readouterr().err
    assert not list(tmp_path.glob("*.png"))


def test_patches_are_of_every_class_and_apart(make_scene: Make, cache: Path) -> None:
    scene = Scene.open(str(make_scene()), cache)
    plan = drawn(scene, patch_size=16, patches=200, seed=0)
    places = choose_places(plan, scene.name, 6, 0)
    rows = plan.rows.set_index(["row", "col"])["class_index"]
    assert {int(c) for r, c_, _ in places[:3] for c in np.atleast_1d(rows.loc[(r, c_)])} == {0, 1, 2}
    gaps = [max(abs(a[0] - b[0]), abs(a[1] - b[1])) for i, a in enumerate(places) for b in places[:i]]
    assert min(gaps) >= 16
    assert places == choose_places(plan, scene.name, 6, 0)
    assert places != choose_places(plan, scene.name, 6, 1)
