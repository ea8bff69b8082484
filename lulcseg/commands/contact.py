"""``lulcseg contact``: draw what an augmentation does to a scene's patches."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lulcseg.commands.parsers import Commands, add_command
from lulcseg.errors import LulcsegError
from lulcseg.settings.augment import AugmentSettings
from lulcseg.settings.from_plain import fill
from lulcseg.settings.scaling import check_range
from lulcseg.settings.schema import known_keys, setting, suggest_key

_SUFFIXES = (".png", ".jpg", ".jpeg")


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "contact",
        _run,
        help="draw what an augmentation does to a scene's patches",
        usage="%(prog)s [-h] scene=… [augment=paper] [key=value …]",
        description="Write contact sheets: patches and augmented versions of them, as the network is given them, and "
        "every operation alone, one sheet per group. Settings are written as for train.py: "
        "augment=none|light|geometry|paper, augment.p.<operation>=…, augment.strength=…, augment.margin=…; "
        "and out=contact.png, patch_size=256, patches=4, versions=6, seed=0, range=[low,high], cache=….",
        aliases=["preview"],
    )
    parser.add_argument("settings", nargs="+", help="scene=<name or path>, and other settings", metavar="key=value")


def _run(arguments: argparse.Namespace) -> None:
    from lulcseg.progress import progress_bar

    settings = parse_settings(arguments.settings)
    with progress_bar("Drawing contact sheets") as progress:
        paths = write_contact_sheets(settings, progress)
    sys.stdout.write("\n".join(str(path) for path in paths) + "\n")


@dataclass
class ContactSettings:
    """Settings of the contact sheets."""

    scene: str | None = setting(None, "Name under conf/scenes/ or path of a scene file.")
    augment: AugmentSettings = field(default_factory=lambda: AugmentSettings(name="paper"))
    range: list[float] | None = setting(None, "Values displayed as black and as white; null: by the imagery's type.")
    out: str = setting(
        "contact.png",
        "Picture to write, .png or .jpg; sheets of single operations: its stem with _contrast, …",
    )
    patch_size: int = setting(256, "Side of a patch, in pixels.", least=32, most=2048)
    patches: int = setting(4, "Patches to show, drawn by stratified sampling.", least=1, most=50)
    versions: int = setting(6, "Augmented versions of each.", least=1, most=20)
    seed: int = setting(0, "Same seed, same patches and same draws.", least=0)
    cache: str | None = setting(None, "Folder for label rasters and synthetic scenes; null: the default one.")

    def __post_init__(self) -> None:
        """Check the range."""
        check_range(self.range, "range")


def parse_settings(words: Sequence[str]) -> ContactSettings:
    """Parse ``key=value`` words, as train.py takes them; a word without a key is the scene.

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
                f"'{word}' is not a setting", where="command line", remedy=suggest_key(key, ContactSettings)
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


def write_contact_sheets(settings: ContactSettings, progress: Callable[[int, int], None] | None = None) -> list[Path]:
    """Draw contact sheets of a scene and write them.

    Args:
        settings: Scene, augmentation, and how many patches and versions.
        progress: Progress callback, called with (done, total) sheet rows.

    Returns:
        The files: the sheet of patches and their versions, then one per group of operations.

    Raises:
        LulcsegError: Settings or a scene that can't be used.
    """
    from lulcseg.augment.build_augmentation import build
    from lulcseg.pictures.contact_sheets import draw_contact_sheets, save_contact_sheets
    from lulcseg.sampling.draw import draw_plan
    from lulcseg.scene.scene import Scene
    from lulcseg.settings.sampling import SamplingSettings

    out = Path(settings.out).expanduser()
    if out.suffix.lower() not in _SUFFIXES:
        raise LulcsegError(f"out={settings.out} is not a picture", where="out", remedy="end it in .png or .jpg")
    if settings.scene is None:
        raise LulcsegError("no scene is given", where="scene", remedy="write scene=<name or path>")
    chosen = settings.augment
    scene = Scene.open(settings.scene, None if settings.cache is None else Path(settings.cache).expanduser())
    if scene.labels is None:
        raise LulcsegError("it has no labels to outline", where=scene.file.path, remedy="add labels:")
    table = scene.band_table
    known = scene.dtype.itemsize == 1 if table is None else all(band.has_known_values for band in table)
    if not known and settings.range is None:
        raise LulcsegError(
            f"the values of black and white are not known for {scene.dtype} imagery",
            where="range",
            remedy="write range=[low,high]",
        )
    augmentation = build(
        chosen.name,
        scene.bands,
        p={name: share for name, share in asdict(chosen.p).items() if share is not None},
        strength=chosen.strength,
        most=chosen.most,
        strengths=chosen.strengths,
        crop=settings.patch_size if chosen.margin else None,
        optical=scene.imagery.optical,
    )
    sampling = SamplingSettings(patch_size=settings.patch_size, patches=settings.patches, min_valid=0.0)
    plan = draw_plan([scene], sampling, seed=settings.seed)
    sheets = draw_contact_sheets(
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
    return save_contact_sheets(sheets, out)
