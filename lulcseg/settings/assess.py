"""Accuracy assessment at the reference points (``assess:``)."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.settings.schema import setting


@dataclass
class AssessSettings:
    """Accuracy assessment at the reference points."""

    labels: bool = setting(True, "Whether the digitised labels are scored at the reference points too.")
