"""The entry scripts' common part: from a command line to a run, or to a sweep of runs."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lulcseg.errors import LulcsegError, describe_error, exits_cleanly
from lulcseg.invocation import call_of
from lulcseg.launch.command_line import CommandLine, read_command_line
from lulcseg.launch.compose import filled, hydra_of, load, register_defaults
from lulcseg.launch.jobs import Job, prepared_jobs
from lulcseg.launch.slurm import check_slurm
from lulcseg.processes import export_import_path
from lulcseg.settings.configuration_folders import CONF, in_place_of_shipped

_HELP = {"--help", "-h"}
_ASKS_ONLY = {"--hydra-help", "--version", "--info", "-i", "--cfg", "-c", "--resolve"}
_BASIC_LAUNCHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
_ON_THIS_MACHINE = {_BASIC_LAUNCHER, "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"}
"""Launchers whose jobs see the files that this process sees; others' may lie on other machines."""

_BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def run_hydra(name: str, task: Callable[[Any], float | None], words: Sequence[str] | None = None) -> float | None:
    """Compose ``conf/<name>.yaml`` from the command line and run it.

    A single run is passed to ``task``. Of several trainings each is a process of its own. Of a trial's sweep
    (:mod:`lulcseg.launch.sweep_runs`) finished runs are left alone, and the state of all is printed at the end. A
    sweeper that searches settings (``hydra/sweeper=…``) gets the score that each run returns.

    Args:
        name: "train" or "predict".
        task: Called with the typed settings; returns the run's score, or None without one.
        words: What follows the program's name on the command line; None: what follows the script's.

    Returns:
        The score of a single run.
    """
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    score: float | None = None
    with exits_cleanly():
        words = sys.argv[1:] if words is None else list(words)
        if _HELP & set(words):
            from lulcseg.launch.help_text import help_text

            sys.stdout.write(help_text(name, words) + "\n")
        elif _ASKS_ONLY & set(words):
            _print_only(name, words)
        elif (line := read_command_line(name, words)).multirun:
            _run_several(line, task, words)
        else:
            score = _run_one(line, task)
    return score


def _print_only(name: str, words: Sequence[str]) -> None:
    """Let Hydra answer what asks for help or settings."""
    import hydra

    sys.argv[1:] = words

    register_defaults()

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)
    def job(_: Any) -> None:
        """Nothing is run."""

    try:
        job()
    except Exception as error:  # of Hydra's own code, which raises any type
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise LulcsegError(first, where="command line", remedy="leave -m out, or correct the overrides") from error


def _run_one(line: CommandLine, task: Callable[[Any], float | None]) -> float | None:
    """Run the one job of a command line without ``-m``."""
    from lulcseg.launch.hydra_runner import run_one

    with hydra_of(line.program) as hydra:
        config = load(line.program, line.overrides)
        settings = filled(line.program, config)
        _tell_own(config)
        shares = line.program == "predict" and settings.mosaic.shares > 1
        if not shares:
            _check_no_launcher(line)
        elif _has_launcher(line):
            from lulcseg.launch.map_jobs import run_map_jobs

            run_map_jobs(hydra, load(line.program, line.overrides, several=True), settings, task)
            return None
        score: float | None = run_one(hydra, config, partial(_single, task, settings))
    return score


def _has_launcher(line: CommandLine) -> bool:
    """Whether a command line chooses a launcher other than Hydra's own, which runs jobs one after another here."""
    master = load(line.program, line.overrides, several=True)
    return bool(master.hydra.launcher._target_ != _BASIC_LAUNCHER)


def _check_no_launcher(line: CommandLine) -> None:
    """Refuse a launcher for a single job, which this process does itself.

    Raises:
        LulcsegError: One is given.
    """
    given = [o for o in line.parsed if str(o.key_or_group) == "hydra/launcher" and o.value() != "basic"]
    if given:
        one_map = "mosaic.shares=… for one map by several jobs, " if line.program == "predict" else ""
        raise LulcsegError(
            f"'{given[0].input_line}' has nothing to launch: this is one job, which would run here",
            where="command line",
            remedy=f"add {one_map}-m for several runs, or leave it out",
        )


def _check_alone(settings: Any) -> None:
    """Refuse maps by several jobs among the runs of a command line with ``-m``.

    Raises:
        LulcsegError: One is requested.
    """
    if settings.mosaic.shares > 1:
        raise LulcsegError(
            f"mosaic.shares={settings.mosaic.shares} makes one map with several jobs, and -m makes several",
            where="command line",
            remedy="leave -m out: the launcher starts the jobs of one map without it",
        )


def _run_several(line: CommandLine, task: Callable[[Any], float | None], words: Sequence[str]) -> None:
    """Run the jobs of a command line with ``-m``."""
    from lulcseg.launch.hydra_runner import run_all

    export_import_path()  # a launcher's processes
    name = line.program
    command = shlex.join([*call_of(name).split(), *words])
    with hydra_of(name) as hydra:
        master = load(name, line.overrides, several=True)
        _tell_own(master)
        check_slurm(master)
        if master.hydra.sweeper._target_ != _BASIC_SWEEPER:
            _check_alone(filled(name, master))  # what is wrong with it is reported before the first run
            hydra.multirun(name, partial(_searched, name, command), line.overrides)
            return
        jobs = prepared_jobs(name, master)
        for job in jobs:
            _check_alone(job.settings)
        if master.hydra.launcher._target_ in _ON_THIS_MACHINE:
            _check_scenes(jobs)
        settings = {tuple(job.overrides): job.settings for job in jobs}
        if jobs[0].settings.trial.name is not None:
            _check_folder(line, master)
            _sweep(jobs, partial(run_all, hydra, master, partial(_replicate, name, command, settings)))
        elif name == "train":
            run_all(hydra, master, partial(_apart, name, command, settings))
        else:
            run_all(hydra, master, partial(_one_of, task, settings))


def _check_scenes(jobs: Sequence[Job]) -> None:
    """Check that the scenes of runs on this machine are there, before the first run.

    Runs that are finished are left alone, whatever became of their scenes.

    Raises:
        LulcsegError: A scene, or a file that it names, is missing.
    """
    from lulcseg.launch.sweep_runs import is_finished
    from lulcseg.scene.scene_files import check_scene_files

    left = [job.settings for job in jobs if job.settings.trial.name is None or not is_finished(job.settings)]
    for name in dict.fromkeys(name for settings in left for name in settings.scene_names):
        check_scene_files(name)


def _tell_own(config: Any) -> None:
    """Say which of the chosen options are the user's own files in place of shipped ones."""
    for group, choice in config.hydra.runtime.choices.items():
        if isinstance(choice, str) and (own := in_place_of_shipped(str(group), choice)) is not None:
            sys.stderr.write(f"lulcseg: {group}={choice} is {own}, in place of lulcseg's own.\n")


def _check_folder(line: CommandLine, master: Any) -> None:
    """Refuse a folder for Hydra's files where there are none: a trial's runs lie in ``run_dir`` or ``output``.

    Launchers other than Hydra's own write their logs there.

    Raises:
        LulcsegError: One is given.
    """
    given = [o for o in line.parsed if str(o.key_or_group) in {"hydra.sweep.dir", "hydra.sweep.subdir"}]
    if given and master.hydra.launcher._target_ == _BASIC_LAUNCHER:
        key = "run_dir" if line.program == "train" else "output"
        raise LulcsegError(
            f"'{given[0].input_line}' has no effect on a trial, whose runs lie in {key}", where="command line",
            remedy=f"leave it out, and set {key} or trial.name",
        )  # fmt: skip


def _sweep(jobs: Sequence[Job], run: Callable[[], None]) -> None:
    """Run a trial's sweep; exit with code 1 unless all of its runs are done or being run elsewhere."""
    from lulcseg.launch.status import print_status, survey
    from lulcseg.launch.sweep_runs import begin_sweep

    folder = begin_sweep([job.settings for job in jobs])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, so that the state is printed
    broken: BaseException | None = None
    try:
        run()
    except KeyboardInterrupt as error:
        broken = error
    except Exception as error:  # a launcher's own failure: what it ran is in the folders
        broken = error
        sys.stderr.write(f"lulcseg: the launcher failed ({describe_error(error)}).\n")
    requested = {(job.settings.trial.value, job.settings.seed) for job in jobs}
    mine = [run for run in survey(folder) if (run.value, run.seed) in requested]
    print_status(folder, mine)
    unfinished = [run for run in mine if run.state not in {"done", "running"}]
    if isinstance(broken, KeyboardInterrupt):
        sys.stderr.write("lulcseg: interrupted; the same command resumes it.\n")
        raise SystemExit(130)
    if unfinished or broken is not None:
        left = "1 run is" if len(unfinished) == 1 else f"{len(unfinished)} runs are"
        sys.stderr.write(f"lulcseg: {left} not done; the same command tries again.\n")
        raise SystemExit(1)


def _single(task: Callable[[Any], float | None], settings: Any) -> float | None:
    from lulcseg.launch.interruption import says_how_to_go_on

    with exits_cleanly(), says_how_to_go_on(settings):
        return task(settings)


def _one_of(
    task: Callable[[Any], float | None], settings: Mapping[tuple[str, ...], Any], overrides: Sequence[str]
) -> float | None:
    return _single(task, settings[tuple(overrides)])


def _replicate(name: str, command: str, settings: Mapping[tuple[str, ...], Any], overrides: Sequence[str]) -> None:
    from lulcseg.launch.sweep_runs import run_replicate

    run_replicate(name, settings[tuple(overrides)], command)


def _apart(name: str, command: str, settings: Mapping[tuple[str, ...], Any], overrides: Sequence[str]) -> float | None:
    from lulcseg.launch.sweep_runs import run_apart

    return run_apart(name, settings[tuple(overrides)], command)


def _searched(name: str, command: str, config: Any) -> float:
    """Run one job of a sweeper that chooses its settings by earlier jobs' scores, and return its score."""
    from hydra.core.hydra_config import HydraConfig

    from lulcseg.launch.sweep_runs import run_apart
    from lulcseg.launch.trial_folder import in_subfolder

    hydra = HydraConfig.get()
    settings = in_subfolder(filled(name, config, dict(hydra.runtime.choices)), str(hydra.job.num))
    score = run_apart(name, settings, command)
    if score is None:
        raise LulcsegError(
            "the run has no score to search by: its first scene has no reference points",
            where="scenes.assess",
            remedy="name a scene with points",
        )
    return score
