"""Weights of the Hugging Face Hub where there is no network."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub import constants
from segmentation_models_pytorch import encoders

from lulcseg.errors import LulcsegError
from lulcseg.models import hub_access as module
from lulcseg.models.hub_access import hub_access, obstacle
from lulcseg.models.networks import build_network
from lulcseg.models.weights_source import find_weights
from tests.support.encoders import smp


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """Take the network away, with an empty cache, and list the requests."""
    requests: list[str] = []

    def head(url: str, timeout: float) -> Any:
        requests.append(url)
        raise OSError("Name or service not known\nand more")

    monkeypatch.setattr("huggingface_hub.get_session", lambda: SimpleNamespace(head=head))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    obstacle.cache_clear()
    yield requests
    obstacle.cache_clear()


@pytest.mark.parametrize("name", ["resnet18", "tu-resnet18"])
def test_one_request_and_one_sentence(
    asked: list[str], caplog: pytest.LogCaptureFixture, tmp_path: Path, name: str
) -> None:
    for _ in range(2):
        with pytest.raises(LulcsegError) as caught:
            build_network(smp(name, encoder_weights="imagenet"), 3, 2)
        words = (
            f"(huggingface.co can't be reached: Name or service not known, and they are not in its cache, {tmp_path})"
        )
        assert words in str(caught.value)
    assert asked == ["https://huggingface.co"]
    assert not [record for record in caplog.records if "huggingface" in record.name]
    with hub_access():
        assert constants.is_offline_mode(), "nothing is tried again"
    assert not constants.is_offline_mode()


def test_what_is_in_the_cache_is_used(asked: list[str], tmp_path: Path) -> None:
    weights = encoders.encoders["resnet18"]["pretrained_settings"]["imagenet"]
    folder = tmp_path / f"models--{weights['repo_id'].replace('/', '--')}" / "snapshots" / weights["revision"]
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"mean": [0.1] * 3, "std": [0.2] * 3}))
    found = find_weights(smp(encoder_weights="imagenet"))
    assert found is not None
    assert (found.mean, len(asked)) == ([0.1] * 3, 1)


def test_the_users_own_offline_setting_asks_nobody(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(LulcsegError, match=r"\(HF_HUB_OFFLINE is set, and they are not in its cache"):
        find_weights(smp(encoder_weights="imagenet"))
    assert asked == []
    assert constants.HF_HUB_OFFLINE


@pytest.mark.parametrize(("status", "words"), [(200, None), (404, None), (503, "huggingface.co answers 503")])
def test_an_answer_is_enough_but_for_a_server_that_is_down(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, status: int, words: str | None
) -> None:
    session = SimpleNamespace(head=lambda url, timeout: SimpleNamespace(status_code=status))
    monkeypatch.setattr("huggingface_hub.get_session", lambda: session)
    assert obstacle() == words


def test_other_errors_pass_and_the_logger_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "obstacle", lambda: None)
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    with pytest.raises(KeyError), hub_access():
        assert logger.level == logging.ERROR
        raise KeyError
    assert logger.level == before
