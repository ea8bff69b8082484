"""Contact sheets of a scene's augmentation: from settings or a plan to pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lulcseg.config import Augment, check_range
from lulcseg.errors import LulcsegError
from lulcseg.schema import fill, known_keys, setting, suggest_key

if TYPE_CHECKING:
    from PIL import Image

    from lulcseg.augment.augmentation import Augmentation
    from lulcseg.sampling.plan import Plan
    from lulcseg.scene.scene import Scene

_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass
class ContactSettings:
    """What contact sheets show."""

    scene: str | None = setting(None, "Name under conf/scenes/ or path of a scene file.")
    augment: Augment = field(default_factory=lambda: Augment(name="paper"))
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
    from lulcseg.augment.build import build
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


def draw_sheets(
    plan: Plan,
    scene: Scene,
    augmentation: Augmentation,
    *,
    patches: int = 4,
    versions: int = 6,
    seed: int = 0,
    margin: int = 0,
    value_range: Sequence[float] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Image.Image]:
    """Draw contact sheets of some of a plan's training patches (:func:`lulcseg.report.contact.contact_sheets`).

    The patches are of as many classes as can be, the same for the same plan and seed.

    Args:
        plan: The plan.
        scene: One of its scenes, with labels.
        augmentation: As in training.
        patches: How many to show.
        versions: Augmented versions of each.
        seed: Same seed, same sheets.
        margin: Pixels read around each patch for warps.
        value_range: Values that 0 and 1 stand for; None: by the imagery's type.
        progress: Called with steps done and steps in all.

    Raises:
        LulcsegError: The plan has no training patch in the scene, or the imagery can't be read.
    """
    import numpy as np

    from lulcseg.augment.stretch import unit_range
    from lulcseg.grid import Window
    from lulcseg.legend import IGNORE
    from lulcseg.report.contact import contact_sheets

    assert scene.labels is not None
    images, masks, valids = [], [], []
    for row, col, size in _places(plan, scene.name, patches, seed):
        window = Window(row - margin, col - margin, size + 2 * margin, size + 2 * margin)
        image, valid = scene.imagery.read(window)
        images.append(image)
        masks.append(np.where(valid, scene.labels.read(window), IGNORE).astype(np.uint8))
        valids.append(valid)
    return contact_sheets(
        np.stack(images),
        np.stack(masks),
        np.stack(valids),
        scene.legend,
        augmentation,
        unit=unit_range(scene.dtype.name, value_range),
        versions=versions,
        seed=seed,
        progress=progress,
    )


def save(sheets: Mapping[str, Image.Image], path: Path) -> list[Path]:
    """Write sheets, each whole or not at all: the first as ``path``, the others with their names after its stem.

    Returns:
        The files.

    Raises:
        LulcsegError: One can't be written.
    """
    from lulcseg.files import replacing

    paths = [path if number == 0 else path.with_stem(f"{path.stem}_{name}") for number, name in enumerate(sheets)]
    for sheet, target in zip(sheets.values(), paths, strict=True):
        with replacing(target) as part:
            sheet.save(part, quality=85)  # of JPEG; PNG takes none
    return paths


def _places(plan: Plan, scene: str, count: int, seed: int) -> list[tuple[int, int, int]]:
    """Choose training patches by turns from each class, apart where they can be: row, column and size in pixels."""
    from lulcseg.sampling.plan import TRAIN
    from lulcseg.sampling.seeds import generator

    rows = plan.of(scene, TRAIN)
    if not len(rows):
        raise LulcsegError(f"the plan has no training patch in {scene}", where="plan", remedy="choose another scene")
    mixed = rows.iloc[generator(seed, "contact sheet").permutation(len(rows))]
    turn = mixed.groupby("class_index").cumcount()
    ordered = mixed.assign(turn=turn).sort_values("turn", kind="stable")
    places = [(int(r), int(c), int(s)) for r, c, s in ordered[["row", "col", "size"]].to_numpy()]
    apart: list[tuple[int, int, int]] = []
    for row, col, size in places:
        if len(apart) < count and all(max(abs(row - r), abs(col - c)) >= size for r, c, _ in apart):
            apart.append((row, col, size))
    return [*apart, *(place for place in places if place not in apart)][:count]
