"""Whether a mosaic is one that a model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import mosaic_statistics
from lulcseg.training.model_record import ModelRecord

_DIGESTS: WeakKeyDictionary[Scene, str] = WeakKeyDictionary()


def was_trained_on(scene: Scene, records: Sequence[ModelRecord]) -> bool:
    """Whether one of several models was trained on a scene's mosaic, whatever the scene is called.

    Mosaics are known by their values. Models of earlier versions didn't record these: theirs by the scene's name.

    Args:
        scene: The scene.
        records: The models' records.

    Raises:
        LulcsegError: The mosaic can't be read.
    """
    if any(record.mosaics is None and scene.name in record.scenes for record in records):
        return True
    known = {digest for record in records for digest in record.mosaics or ()}
    return bool(known) and _digest(scene) in known


def _digest(scene: Scene) -> str:
    """Return the digest of a scene's mosaic, measured once: it is asked for at every step on the way to a map."""
    if scene not in _DIGESTS:
        _DIGESTS[scene] = mosaic_statistics(scene.imagery, scene.cache).digest()
    return _DIGESTS[scene]
