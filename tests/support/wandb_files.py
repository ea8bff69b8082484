"""Reading Weights & Biases' offline files: records of the service's own messages, framed as LevelDB logs are."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

_BLOCK, _FILE_HEADER, _CHUNK_HEADER = 32768, 7, 7
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


def chunks(content: bytes) -> Iterator[bytes]:
    """Yield whole records: a record is one chunk, or a first, middles and a last; no chunk crosses a block's end."""
    at, parts = _FILE_HEADER, []
    while at + _CHUNK_HEADER <= len(content):
        if _BLOCK - at % _BLOCK < _CHUNK_HEADER:
            at += _BLOCK - at % _BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", content[at : at + _CHUNK_HEADER])
        assert kind in {_FULL, _FIRST, _MIDDLE, _LAST}, f"no chunk at {at}"
        at += _CHUNK_HEADER
        if at + length > len(content):
            return
        parts.append(content[at : at + length])
        at += length
        if kind in {_FULL, _LAST}:
            yield b"".join(parts)
            parts = []


def records(file: Path) -> list[Any]:
    """Return the records of a file, up to one that is still being written."""
    content, found = file.read_bytes(), []
    assert content[:4] in {b":W&B", b""}
    for chunk in chunks(content):
        record = Record()
        record.ParseFromString(chunk)
        found.append(record)
    return found


class OfflineRun:
    """What one offline run file holds."""

    def __init__(self, folder: Path, longest_wait: float = 60.0) -> None:
        """Read the file once it is whole: the service writes it in a process of its own, and may end after the run."""
        (file,) = folder.glob("*.wandb")
        self.folder = folder
        self.records: list[Any] = []
        until = time.monotonic() + longest_wait
        while not self._of("exit"):
            assert time.monotonic() < until, f"{file} was never ended; it holds {len(self.records)} records"
            self.records = records(file)
            time.sleep(0.01)
        self.run = self._of("run")[0]
        self.history = [_items(h.item) for h in self._of("history")]
        self.summary: dict[str, Any] = {}
        for update in self._of("summary"):
            _merge(self.summary, _items(update.update))
        self.config = _items(self.run.config.update)
        for update in self._of("config"):
            _merge(self.config, _items(update.update))
        self.metrics = {m.name or m.glob_name: m for m in self._of("metric")}
        self.artifacts = {a.type: a for a in self._of("artifact")}
        self.exit_code = self._of("exit")[0].exit_code

    def logged(self, name: str) -> Any:
        """Return what was logged last under a name."""
        return [h[name] for h in self.history if name in h][-1]

    def table(self, name: str) -> tuple[list[str], list[list[Any]]]:
        """Return columns and rows of a table."""
        content = json.loads((self.folder / "files" / self.logged(name)["path"]).read_text())
        return content["columns"], content["data"]

    def _of(self, kind: str) -> list[Any]:
        return [getattr(r, kind) for r in self.records if r.WhichOneof("record_type") == kind]


def _merge(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Put new values into a tree, branch by branch."""
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            _merge(old[key], value)
        else:
            old[key] = value


def _items(items: Any) -> dict[str, Any]:
    """Return key-value records as a tree of plain values."""
    found: dict[str, Any] = {}
    for item in items:
        keys = list(item.nested_key) or [item.key]
        at = found
        for key in keys[:-1]:
            at = at.setdefault(key, {})
        at[keys[-1]] = json.loads(item.value_json)
    return found
