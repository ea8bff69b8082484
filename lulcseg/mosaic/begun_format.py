"""A map that was begun keeps its number format, where the settings leave the format open."""

from __future__ import annotations

from pathlib import Path

from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.map_request import MapRequest
from lulcseg.processes import print_line
from lulcseg.scene.scene import Scene
from lulcseg.settings.mosaic import MosaicSettings

PRECISION = "precision"
"""Key of the number formats in a map's identity."""


def request_map(ensemble: Ensemble, scene: Scene, settings: MosaicSettings, out: Path) -> MapRequest:
    """Derive a map's request; with ``precision=auto`` an unfinished map that is otherwise the same keeps its format.

    What is measured to be faster may change between a map's beginning and its end (``lulcseg tune``), and differs
    between the machines of several jobs. Strips that are done are worth more.

    Args:
        ensemble: The models.
        scene: The scene to map.
        settings: What is asked for.
        out: Path of the class map.

    Returns:
        The request, whose ``ensemble`` computes in the begun map's format.

    Raises:
        LulcsegError: As :meth:`MapRequest.of`.
    """
    request = MapRequest.of(ensemble, scene, settings)
    folder = request.folder(out)
    if not ensemble.leaves_format_open or folder.path.exists():
        return request
    for other, differing in folder.others():
        if differing == [PRECISION]:
            formats = folder.identity_of(other)[PRECISION]
            named = formats if isinstance(formats, str) else ", ".join(formats)
            print_line(f"{out.name} was begun in {named.replace('torch.', '')}, and keeps it.")
            return MapRequest.of(ensemble.in_formats(formats), scene, settings)
    return request
