"""``lulcseg contact``: show what an augmentation does to a scene's patches."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lulcseg.errors import LulcsegError
from lulcseg.settings.augment import AugmentSettings
from lulcseg.settings.filling import fill
from lulcseg.settings.scaling import check_range
from lulcseg.settings.schema import known_keys, setting, suggest_key

if TYPE_CHECKING:
    pass

_SUFFIXES = (".png", ".jpg", ".jpeg")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "contact",
        help="show what an augmentation does to a scene's patches",
        usage="%(prog)s [-h] scene=… [augment=paper] [key=value …]",
        description="Write contact sheets: patches and versions of them as the network is shown them, and every "
        "operation alone, a sheet for each group. Settings are written as for train.py: "
        "augment=none|light|geometry|paper, augment.p.<operation>=…, augment.strength=…, augment.margin=…; "
        "and out=contact.png, patch_size=256, patches=4, versions=6, seed=0, range=[low,high], cache=….",
    )
    parser.add_argument("settings", nargs="+", help="scene=<name or path>, and other settings", metavar="key=value")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    settings = settings_from(arguments.settings)
    with Progress(TextColumn("Drawing contact sheets"), BarColumn(), TimeRemainingColumn(), transient=True) as bar:
        task = bar.add_task("", total=None)
        paths = contact(settings, lambda done, total: bar.update(task, completed=done, total=total))
    sys.stdout.write("\n".join(str(path) for path in paths) + "\n")


@dataclass
class ContactSettings:
    """What contact sheets show."""

    scene: str | None = setting(None, "Name under conf/scenes/ or path of a scene file.")
    augment: AugmentSettings = field(default_factory=lambda: AugmentSettings(name="paper"))
    range: list[float] | None = setting(None, "Values that black and white have; null: by the imagery's type.")
    out: str = setting("contact.png", "Picture to write, .png or .jpg; single operations' get _contrast, …")
    patch_size: int = setting(256, "Side of a patch, in pixels.", least=32, most=2048)
    patches: int = setting(4, "Patches to show, drawn by stratified sampling.", least=1, most=50)
    versions: int = setting(6, "Augmented versions of each.", least=1, most=20)
    seed: int = setting(0, "Same seed, same patches and same draws.", least=0)
    cache: str | None = setting(None, "Folder for label rasters and synthetic scenes; null: the usual one.")

    def __post_init__(self) -> None:
        """Refuse a range that is none."""
        check_range(self.range, "range")


def settings_from(words: Sequence[str]) -> ContactSettings:
    """Read ``key=value`` words, as train.py takes them; a word without a key is the scene.

    Raises:
        LulcsegError: An unknown key, or a value that can't be used.
    """
    plain: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            key, value = "scene", word
        key = {"augment": "augment.name"}.get(key, key)
        if key not in known_keys(ContactSettings):
            raise LulcsegError(
                f"'{word}' names no setting", where="command line", remedy=suggest_key(key, ContactSettings)
            )
        *parents, leaf = key.split(".")
        at = plain
        for parent in parents:
            at = at.setdefault(parent, {})
        try:
            at[leaf] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise LulcsegError(f"can't read '{word}'", where="command line", remedy="write key=value") from error
    plain.setdefault("augment", {}).setdefault("name", "paper")
    return fill(ContactSettings, plain, "command line")


def contact(settings: ContactSettings, progress: Callable[[int, int], None] | None = None) -> list[Path]:
    """Draw contact sheets of a scene and write them.

    Args:
        settings: What to show.
        progress: Called with steps done and steps in all.

    Returns:
        The sheet of patches and their versions, and those of single operations, a group each.

    Raises:
        LulcsegError: Settings or a scene that can't be used.
    """
    from lulcseg.augment.assemble import build
    from lulcseg.pictures.contact_sheets import draw_sheets, save
    from lulcseg.sampling.draw import draw_plan
    from lulcseg.scene.scene import Scene

    out = Path(settings.out).expanduser()
    if out.suffix.lower() not in _SUFFIXES:
        raise LulcsegError(f"out={settings.out} is no picture", where="out", remedy="end it in .png or .jpg")
    if settings.scene is None:
        raise LulcsegError("no scene to show", where="scene", remedy="write scene=<name or path>")
    chosen = settings.augment
    scene = Scene.open(settings.scene, None if settings.cache is None else Path(settings.cache).expanduser())
    if scene.labels is None:
        raise LulcsegError("it has no labels to outline", where=scene.file.path, remedy="add labels:")
    if scene.dtype.itemsize > 1 and settings.range is None:
        raise LulcsegError(
            f"of {scene.dtype} imagery it isn't known which values are black and white",
            where="range",
            remedy="write range=[low,high]",
        )
    augmentation = build(
        chosen.name,
        scene.bands,
        p={name: share for name, share in asdict(chosen.p).items() if share is not None},
        strength=chosen.strength,
        strengths=chosen.strengths,
        crop=settings.patch_size if chosen.margin else None,
    )
    plan = draw_plan(
        [scene], method="stratified", patch_size=settings.patch_size, seed=settings.seed, n_patches=settings.patches
    )
    sheets = draw_sheets(
        plan,
        scene,
        augmentation,
        patches=settings.patches,
        versions=settings.versions,
        seed=settings.seed,
        margin=chosen.margin,
        value_range=settings.range,
        progress=progress,
    )
    return save(sheets, out)
