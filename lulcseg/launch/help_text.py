"""The help of an entry script. Hydra's own takes seconds: it copies all configurations for each group that it lists."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

from lulcseg.invocation import call_of
from lulcseg.launch.command_line import groups
from lulcseg.launch.compose import hydra_of, load
from lulcseg.settings.configuration_folders import files_of


def help_text(program: str, argv: Sequence[str]) -> str:
    """Return what ``--help`` prints: usage, groups with their options, and the settings composed with the overrides.

    Args:
        program: "train" or "predict".
        argv: What follows the script's name.

    Raises:
        LulcsegError: Overrides that can't be composed.
    """
    from hydra._internal.utils import get_args_parser
    from omegaconf import OmegaConf

    arguments = get_args_parser().parse_args([word for word in argv if word not in {"--help", "-h"}])
    with hydra_of(program):
        config = load(program, list(arguments.overrides))
    settings = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
    scenes = {"scenes": list(files_of("scenes"))}
    listed = "".join(f"{group}: {', '.join(options)}\n" for group, options in sorted((groups() | scenes).items()))
    template = Template(config.hydra.help.template.replace(f"python {program}.py", call_of(program)))
    return template.substitute(APP_CONFIG_GROUPS=listed, CONFIG=OmegaConf.to_yaml(settings, resolve=arguments.resolve))
