"""The paper's numbers, and their equivalents in a study of another size (``conf/study/``).

Experiments name the paper's number, as in ``patch_size: ${study.side.s512}``: a study says what it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lulcseg.settings.schema import setting


@dataclass
class StudySides:
    """Sides of patches and of the grid's cells, in pixels (paper, section 2.5.2)."""

    s128: int = setting(128, "Equivalent of 128.", least=16)
    s256: int = setting(256, "Equivalent of 256.", least=16)
    s512: int = setting(512, "Equivalent of 512, of every other trial.", least=16)
    s1024: int = setting(1024, "Equivalent of 1024, the side of the grid's cells.", least=16)


@dataclass
class StudyBatches:
    """Batch sizes: Table 5's (t), the batch trial's (b) and full training's (f)."""

    t16: int = setting(16, "Of patches of 1024².", least=1)
    t64: int = setting(64, "Of patches of 512².", least=1)
    t256: int = setting(256, "Of patches of 256².", least=1)
    t1024: int = setting(1024, "Of patches of 128².", least=1)
    b10: int = setting(10, "Equivalent of 10.", least=1)
    b50: int = setting(50, "Equivalent of 50.", least=1)
    b100: int = setting(100, "Equivalent of 100.", least=1)
    b150: int = setting(150, "Equivalent of 150.", least=1)
    b200: int = setting(200, "Equivalent of 200.", least=1)
    b250: int = setting(250, "Equivalent of 250.", least=1)
    b280: int = setting(280, "Equivalent of 280.", least=1)
    f20: int = setting(20, "Of full training.", least=1)


@dataclass
class StudyPatches:
    """Numbers of patches (Tables 2 and 3). The grid's own follow from the ground."""

    n3986: int = setting(3986, "Of the batch trial.", least=1)
    n22830: int = setting(22830, "Of augmentation, scaling and full training.", least=1)
    n2408: int = setting(2408, "The grid's at 1024².", least=1)
    n9632: int = setting(9632, "The grid's at 512².", least=1)
    n38528: int = setting(38528, "The grid's at 256².", least=1)
    n154514: int = setting(154514, "Stratified, at 128².", least=1)


@dataclass
class StudyEpochs:
    """Epochs (passes over the plan)."""

    e20: int = setting(20, "Of every trial but batch size.", least=1)
    batch: int = setting(20, "Of the batch trial.", least=1)
    e100: int = setting(100, "Of full training.", least=1)
    long: int = setting(60, "Of the augmentation trial trained longer.", least=1)


@dataclass
class StudySettings:
    """A study's equivalents of the paper's numbers."""

    name: str = setting("paper", "Name of the study.")
    side: StudySides = field(default_factory=StudySides)
    batch: StudyBatches = field(default_factory=StudyBatches)
    patches: StudyPatches = field(default_factory=StudyPatches)
    epochs: StudyEpochs = field(default_factory=StudyEpochs)
    steps: int = setting(800, "Optimiser steps of batches at equal steps: those of 100 in the batch trial.", least=1)
    learning_rate: float = setting(0.001, "Learning rate of the paper's trials; the paper prints none.", least=0.0)
    schedule: str = setting("cosine", "Schedule of that rate, as optim.schedule.")
