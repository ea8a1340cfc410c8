"""Effective configurations: the files that scripts read, with every number. Imports no torch."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from cogloat.config.backbone import Backbone
from cogloat.config.dataset import Data
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
    backbone: Backbone
    settings: AnySettings

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.stage not in self.settings.stages:
            raise ValueError(f"stage: '{self.stage}' is none of {self.settings.objective}'s")
        _check_roles(self.data, self.settings.augmentations)
        return self

    @property
    def name(self) -> str:
        """The run and the stage, as in paths."""
        return f"{self.dataset}/{folder(self.factor)}/{self.method}/seed{self.seed}/{self.stage}"


class CoresetConfig(Strict):
    """One coreset of one long-tailed set, complete: results/coresets/.../config.json."""

    dataset: Name
    factor: Factor
    coreset: Name
    data: Data | None = None
    backbone: Backbone
    settings: Coreset

    @model_validator(mode="after")
    def _glister_has_data(self) -> Self:
        if (self.settings.kind == "glister") != (self.data is not None):
            raise ValueError(
                "settings.kind 'glister' needs 'data', other kinds have none. Make the file again "
                "by src/configure.py."
            )
        if self.data is not None and self.settings.proxy is not None:
            _check_roles(self.data, self.settings.proxy.augmentations)
        return self


def _check_roles(data: Data, roles: tuple[str, ...]) -> None:
    for role in roles:
        if role not in data.augmentations or role not in data.recipes:
            raise ValueError(
                f"data: augmentations and recipes must have '{role}', which the settings name. "
                "Make the file again by src/configure.py."
            )
