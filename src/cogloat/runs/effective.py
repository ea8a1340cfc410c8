"""Effective configurations: the files that scripts read, with every number. Imports no torch."""

from __future__ import annotations

from cogloat.config.dataset import Data, Depth
from cogloat.config.types import Name, Seed, StageName, Strict
from cogloat.imbalance import Factor, folder
from cogloat.runs.files import AnySettings, Coreset


class RunConfig(Strict):
    """One stage of one run, complete: results/runs/.../<stage>/config.json."""

    dataset: Name
    factor: Factor
    method: Name
    seed: Seed
    stage: StageName
    data: Data
    depth: Depth
    settings: AnySettings

    @property
    def name(self) -> str:
        """The run and the stage, as in paths."""
        return f"{self.dataset}/{folder(self.factor)}/{self.method}/seed{self.seed}/{self.stage}"


class CoresetConfig(Strict):
    """One coreset of one long-tailed set, complete: results/coresets/.../config.json."""

    dataset: Name
    factor: Factor
    coreset: Name
    data: Data | None
    depth: Depth
    settings: Coreset
