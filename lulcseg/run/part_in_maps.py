"""A process's part in the maps of a prediction that several processes make: their strips, and for one the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch

from lulcseg.files import make_folder
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.map_share import MapShare
from lulcseg.mosaic.shared_mapping import shared_map
from lulcseg.processes import print_line, stand_alone
from lulcseg.run_folder.folder import RunFolder
from lulcseg.scene.scene import Scene
from lulcseg.settings.mosaic import MosaicSettings

type Shares = Mapping[str, MapShare]
"""A process's part in each map, by the scene's name."""


def stand_apart(accelerator: str) -> None:
    """Make this process one of its own among those of its machine, with a device of its own.

    Args:
        accelerator: As in the settings.
    """
    number = stand_alone()
    if accelerator in {"auto", "gpu"} and torch.cuda.is_available():
        torch.cuda.set_device(number % torch.cuda.device_count())


@contextmanager
def taking_part(
    ensemble: Ensemble, scenes: Mapping[str, Scene], settings: MosaicSettings, folder: RunFolder
) -> Iterator[Shares]:
    """Take part in the maps of scenes until all of their strips are done; one process is then to join them.

    What it joins counts as made once the block has ended: if it dies before, another does all of it again, from the
    strips.

    Args:
        ensemble: The model, or several that are averaged.
        scenes: The scenes, by the stems of their maps.
        settings: The settings of the maps.
        folder: The folder for the maps.

    Yields:
        The maps to join; empty where that is another's to do, or nothing is left to do.

    Raises:
        LulcsegError: As :func:`lulcseg.mosaic.shared_mapping.shared_map`.
    """
    make_folder(folder.maps, "output")
    with ExitStack() as stack:
        shares = {}
        for stem, scene in scenes.items():
            share = stack.enter_context(shared_map(ensemble, scene, settings, folder.map_file(stem)))
            if share is None:
                print_line(
                    f"{folder.map_file(stem)} is made already, by the same models, imagery and settings: "
                    "remove it to have it made again."
                )
            else:
                shares[scene.name] = share
        parts = list(shares.values())
        if not parts or not parts[0].takes_join():
            yield {}
            return
        yield shares
        for share in reversed(parts):  # the first, by which it is settled who joins them all, stays to the last
            share.store.discard()
