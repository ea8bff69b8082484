"""Reference of the settings, written from their dataclasses: key, type, default, bounds, choices, sentence."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import yaml
from wording import cell, code

from lulcseg.scene.imagery_spec import ImagerySpec, SourceSpec
from lulcseg.scene.spec import LabelsSpec, PointsSpec, SceneSpec, SyntheticSpec
from lulcseg.settings.config import PredictConfig, TrainConfig
from lulcseg.settings.schema import written_key

_HEAD = "| setting | default | what it is |\n|---|---|---|\n"
_OF_A_SCENE: tuple[tuple[str, type], ...] = (
    ("", SceneSpec),
    ("imagery", ImagerySpec),
    ("imagery[]", SourceSpec),
    ("labels", LabelsSpec),
    ("points", PointsSpec),
    ("synthetic", SyntheticSpec),
)


def settings_pages() -> dict[str, str]:
    """Return the pages: name → Markdown."""
    return {
        "train.md": _page(
            "Settings of training",
            "What `lulcseg train` (`python train.py` in a checkout) can be told, as `key=value`. The groups of the "
            "same names (`augment=paper`) set several at once: [presets](presets.md).",
            _sections(TrainConfig),
        ),
        "predict.md": _page(
            "Settings of prediction",
            "What `lulcseg predict` (`python predict.py` in a checkout) can be told, as `key=value`.",
            _sections(PredictConfig),
        ),
        "scene.md": _page(
            "Keys of a scene file",
            "An example and what the keys mean together: [the scene file](../scene.md).",
            (section for name, spec in _OF_A_SCENE for section in _sections(spec, name, leave=_others(name))),
        ),
    }


def _others(name: str) -> set[str]:
    """Return the keys of a scene file that have a table of their own."""
    return set() if name else {name for name, _ in _OF_A_SCENE if name}


def _page(title: str, about: str, sections: Iterator[str]) -> str:
    return f"# {title}\n\n{about}\n\n" + "\n".join(sections)


def _sections(schema: Any, name: str = "", leave: set[str] | None = None) -> Iterator[str]:
    """Yield a table of a schema's own settings, and those of its sections.

    Args:
        schema: A dataclass of settings, or an instance of one, whose values are the defaults then.
        name: Its dotted key; empty for the whole.
        leave: Fields to leave out.
    """
    rows, nested = [], []
    for f in fields(schema):
        key = written_key(f)
        if key is None or key in (leave or ()):
            continue
        value = _default(f) if isinstance(schema, type) else getattr(schema, f.name)
        whole = f"{name}.{key}" if name else key
        if is_dataclass(value):
            nested.append((whole, value))
        else:
            rows.append(_row(whole, f, value))
    kind = schema if isinstance(schema, type) else type(schema)
    about = inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].replace("``", "`")
    if rows:
        table = _HEAD + "".join(rows)
        yield f'## {name or "At the top"}\n\n{cell(about)}\n\n<div class="settings" markdown>\n\n{table}\n</div>\n'
    for whole, value in nested:
        yield from _sections(value, whole)


def _default(f: Any) -> Any:
    return f.default if f.default_factory is MISSING else f.default_factory()


def _row(key: str, f: Any, default: Any) -> str:
    """Return a setting's row."""
    kind = f.type if isinstance(f.type, str) else getattr(f.type, "__name__", str(f.type))
    limits = ", ".join([kind, *_limits(f.metadata)])
    about = f.metadata.get("about", "")
    return f'| <span id="{key}">{code(key)}</span> | {code(_yaml(default))} | {cell(about)} *({cell(limits)})* |\n'


def _limits(metadata: Any) -> list[str]:
    """Say a setting's bounds and choices."""
    least, most, choices = metadata.get("least"), metadata.get("most"), metadata.get("choices")
    said = []
    if least is not None and most is not None:
        said.append(f"{least} to {most}")
    elif least is not None:
        said.append(f"at least {least}")
    elif most is not None:
        said.append(f"at most {most}")
    choices = choices() if callable(choices) else choices
    if choices is not None:
        said.append("one of: " + ", ".join(map(str, choices)))
    return said


def _yaml(value: Any) -> str:
    """Return a value as it is written in YAML, in one line."""
    if isinstance(value, (list, dict)):
        return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).strip()
    return yaml.safe_dump(value).removesuffix("...\n").strip()
