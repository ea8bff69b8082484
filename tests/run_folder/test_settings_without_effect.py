"""One list says which settings change no result."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from lulcseg.run_folder.settings_without_effect import (
    ADDED,
    FILES,
    FREE,
    OF_A_REPLICATE,
    settings_digest,
    settings_without,
)
from lulcseg.settings.config import PredictConfig, TrainConfig


def test_every_listed_setting_exists() -> None:
    known = {**settings_without(asdict(TrainConfig()), ()), **settings_without(asdict(PredictConfig()), ())}
    for name in (*FREE, *FILES, *OF_A_REPLICATE):
        assert any(key == name or key.startswith(f"{name}.") for key in known), name


@pytest.mark.parametrize(
    ("changed", "alike"),
    [
        ({"seed": 1}, True),
        ({"mosaic": {"workers": 7, "batch_size": 4}}, True),
        ({"trainer": {"activation_checkpointing": True, "batch_size": 8}}, True),
        ({"reading": {"workers": 3}}, True),
        ({"model": {"freeze": "none"}}, True),
        ({"model": {"freeze": "encoder"}}, False),
        ({"scene": "other"}, False),
        ({"mosaic": {"workers": 0, "batch_size": 5}}, False),
        ({"trainer": {"activation_checkpointing": False, "batch_size": 9}}, False),
    ],
)
def test_the_digest_of_replicates_leaves_out_what_changes_no_result(
    tmp_path: Path, changed: dict[str, object], alike: bool
) -> None:
    settings = {
        "seed": 0, "scene": "a", "reading": {"workers": 0}, "mosaic": {"workers": 0, "batch_size": 4},
        "trainer": {"activation_checkpointing": False, "batch_size": 8},
    }  # fmt: skip
    digests = []
    for number, content in enumerate((settings, settings | changed)):
        path = tmp_path / f"{number}.yaml"
        path.write_text(yaml.safe_dump(content))
        digests.append(settings_digest(path))
    assert (digests[0] == digests[1]) == alike


def test_without_readable_settings_there_is_no_digest(tmp_path: Path) -> None:
    assert settings_digest(tmp_path / "none.yaml") is None
    for text in ("a: [", "- 1"):
        (tmp_path / "damaged.yaml").write_text(text)
        assert settings_digest(tmp_path / "damaged.yaml") is None


def test_settings_that_came_later_exist_and_count_once_they_are_set(tmp_path: Path) -> None:
    """A replicate of an earlier version, whose config.yaml hasn't got them, is not reported as differing."""
    known = {**settings_without(asdict(TrainConfig()), ()), **settings_without(asdict(PredictConfig()), ())}
    assert set(known) >= set(ADDED)
    older, newer = tmp_path / "older.yaml", tmp_path / "newer.yaml"
    older.write_text("loss: {name: cross_entropy}\n")
    newer.write_text("loss: {name: cross_entropy, class_weights: none, focal_gamma: 2.0}\n")
    assert settings_digest(older) == settings_digest(newer)
    newer.write_text("loss: {name: cross_entropy, class_weights: {Forest: 2.0}}\n")
    assert settings_digest(older) != settings_digest(newer)
