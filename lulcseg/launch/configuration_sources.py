"""How Hydra finds configuration beside ``conf/``: the shipped sweeps, and what the user keeps in the current folder.

A folder on Hydra's search path turns each of its folders into a group, so that a ``cache/`` would hide the setting of
that name, and somebody else's ``train.yaml`` would take the place of ours. These sources offer named groups alone.
"""

from __future__ import annotations

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin

from lulcseg.settings.configuration_folders import BESIDE, SHIPPED, SWEEPS, own_conf, own_folder


class GroupsOfFolder(FileConfigSource):
    """The groups of a folder, without the files that lie in it directly."""

    groups: tuple[str, ...] | None = None
    """Names of the groups that it offers; None: every folder."""

    @staticmethod
    def scheme() -> str:
        """Return the scheme of its addresses."""
        return "lulcseg-conf"

    def is_group(self, config_path: str) -> bool:
        """Whether it has a group; the folder itself is one."""
        return self._offers(config_path) and super().is_group(config_path)

    def is_config(self, config_path: str) -> bool:
        """Whether it has a file in one of its groups."""
        return "/" in config_path and self._offers(config_path) and super().is_config(config_path)

    def load_config(self, config_path: str) -> ConfigResult:
        """Load a file of one of its groups."""
        if not self.is_config(config_path):
            raise ConfigLoadError(f"Config not found : {config_path}")
        return super().load_config(config_path)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """List what lies under a path."""
        return super().list(config_path, results_filter) if self.is_group(config_path) else []

    def _offers(self, config_path: str) -> bool:
        first = config_path.partition("/")[0]
        return not first or self.groups is None or first in self.groups


class SweepsOfFolder(GroupsOfFolder):
    """The sweeps of a folder alone."""

    groups = (SWEEPS,)

    @staticmethod
    def scheme() -> str:
        """Return the scheme of its addresses."""
        return "lulcseg-sweeps"


class BesideOfFolder(GroupsOfFolder):
    """What a user may keep in the folder they work in, without a ``conf/``."""

    groups = BESIDE

    @staticmethod
    def scheme() -> str:
        """Return the scheme of its addresses."""
        return "lulcseg-beside"


class OwnFirst(SearchPathPlugin):
    """Puts the user's folders before the shipped configuration, and the shipped sweeps behind it."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Add the folders that exist."""
        search_path.append("lulcseg", f"{SweepsOfFolder.scheme()}://{SHIPPED}")
        if (conf := own_conf()) is not None:
            search_path.prepend("user", f"{GroupsOfFolder.scheme()}://{conf}")
        if (beside := own_folder()) is not None:
            search_path.prepend("user", f"{BesideOfFolder.scheme()}://{beside}")


def register_sources() -> None:
    """Make Hydra know these sources; again is no harm."""
    plugins = Plugins.instance()
    for plugin in (GroupsOfFolder, SweepsOfFolder, BesideOfFolder, OwnFirst):
        plugins.register(plugin)
