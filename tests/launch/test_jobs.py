"""The jobs of a sweep, each with settings of its own."""

from __future__ import annotations

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose, hydra_of, load
from lulcseg.launch.jobs import prepared_jobs


def test_an_interpolation_on_the_command_line_is_each_jobs_own() -> None:
    line = ["+sweeps=batch_size", "+experiment=batch10,batch50", "seed=3", "run_dir=/t/${trial.value}/seed${seed}"]
    with hydra_of("train"):
        jobs = prepared_jobs("train", load("train", line, several=True))
    assert [job.settings.run_dir for job in jobs] == ["/t/batch10/seed3", "/t/batch50/seed3"]


@pytest.mark.parametrize(
    ("override", "remedy"),
    [
        ("model.fliters=3", "did you mean 'model.filters'?"),
        ("loss.gamma=2", "write +loss.gamma=…"),
        ("hparams_search=optuna", "write +hparams_search=…"),
    ],
)
def test_a_key_that_hydra_does_not_find_is_a_sentence(override: str, remedy: str) -> None:
    with pytest.raises(LulcsegError) as raised:
        compose("train", ["+sweeps=batch_size", "loss._target_=a.B", override])
    assert raised.value.remedy == remedy
