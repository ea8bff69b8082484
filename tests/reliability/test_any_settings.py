"""Scene files and command lines that hypothesis makes up: each is read, or refused in one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import SCHEMAS
from lulcseg.launch.jobs import jobs_from
from lulcseg.scene.scene import Scene
from lulcseg.settings.schema import known_keys
from tests.conftest import LEGEND, scene_maker

TORTURE = int(os.environ.get("LULCSEG_TORTURE", "1"))
COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": TORTURE == 1}
SCENES = settings(max_examples=40 * TORTURE, **COMMON)
LINES = settings(max_examples=12 * TORTURE, **COMMON)

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["image.tif", "labels.gpkg", "points.gpkg", "class", "Trees", "ignore", "..", "EPSG:28355"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
KEYS = {
    "imagery": ["files", "bands", "nodata"],
    "labels": ["file", "layer", "column", "rasters", "uncovered", "invalid", "crosswalk"],
    "points": ["file", "layer", "column", "design", "crosswalk", "stratum"],
}


def section(name: str, whole: dict[str, Any]) -> st.SearchStrategy[Any]:
    """A section with some of its values replaced, or anything in its place."""
    changed = st.dictionaries(st.sampled_from(KEYS[name]) | st.text(max_size=6), VALUES, max_size=2)
    return changed.map(lambda change: whole | change) | VALUES


@st.composite
def scene_files(draw: Callable[..., Any], whole: dict[str, Any]) -> str:
    """The text of a scene file: a whole one changed in some places, and at times not YAML at all."""
    content: dict[Any, Any] = dict(whole)
    for key in draw(st.sets(st.sampled_from([*whole, "crs", "resolution", "boundary", "synthetic"]), max_size=2)):
        content[key] = draw(section(key, whole[key]) if key in KEYS else VALUES)
    if draw(st.booleans()):
        content |= draw(st.dictionaries(st.text(max_size=8), VALUES, max_size=1))
    if isinstance(content.get("synthetic"), dict):
        del content["synthetic"]  # makes landscapes of any size
    text = yaml.safe_dump(content, allow_unicode=True)
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.text(max_size=5)) + text[at:]
    return text


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scene_maker(tmp_path_factory.mktemp("scenes"))()


def test_any_scene_file_is_read_or_refused(scene: Path) -> None:
    whole = yaml.safe_load(scene.read_text()) | {"legend": LEGEND}

    @SCENES
    @given(scene_files(whole))
    def read_or_refuse(text: str) -> None:
        scene.write_text(text, encoding="utf-8", errors="surrogatepass")
        with suppress(LulcsegError):
            opened = Scene.open(str(scene), scene.parent / "cache")
            assert opened.labels is None or opened.polygons() is not None
            assert opened.notes is not None
            assert opened.points is None or len(opened.points) >= 0

    read_or_refuse()


@st.composite
def overrides(draw: Callable[..., Any], program: str) -> list[str]:
    """Some overrides: of known settings or any word, of values as they are typed or any text."""
    typed = st.one_of(
        st.integers().map(str), st.floats().map(str), st.booleans().map(str), st.text(max_size=10),
        st.sampled_from(["null", "[]", "{}", "[1,2]", "{a: 1}", "'${seed}'", "${x}", "'x'", "range(1,3)", "1,2"]),
    )  # fmt: skip
    key = st.sampled_from([*known_keys(SCHEMAS[program]), "hydra.run.dir", "hydra.job.name"]) | st.text(max_size=10)
    prefix = st.sampled_from(["", "", "", "+", "++", "~"])
    lines = st.builds(lambda p, k, v: f"{p}{k}={v}", prefix, key, typed)
    return draw(
        st.lists(lines | st.text(min_size=1, max_size=12).filter(lambda t: t[0] != "-"), min_size=1, max_size=3)
    )


@pytest.mark.parametrize("program", ["train", "predict"])
def test_any_overrides_are_taken_or_refused(program: str) -> None:
    @LINES
    @given(overrides(program))
    def take_or_refuse(line: list[str]) -> None:
        with suppress(LulcsegError):
            jobs_from(program, line)

    take_or_refuse()
