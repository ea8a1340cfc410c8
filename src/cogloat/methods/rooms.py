"""Which rooms there are, found by their folders. Imports no torch until an objective is built."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from cogloat.methods.settings import Computed, Stage

if TYPE_CHECKING:
    from cogloat.methods.inputs import Inputs
    from cogloat.methods.objective import Computation, Objective


@cache
def settings_types() -> dict[str, type[Stage]]:
    """Return every room's name -> the type of its settings."""
    names = sorted(file.parent.name for file in Path(__file__).parent.glob("*/settings.py"))
    return {
        name: importlib.import_module(f"{__package__}.{name}.settings").Settings for name in names
    }


def objective_module(name: str) -> str:
    """Return the module that turns a room's settings into its objective."""
    return f"{__package__}.{name}.objective"


def build(settings: Stage, inputs: Inputs) -> Objective:
    """Return the objective of the room that some settings are of, ready to be trained.

    Raises:
        UserError: if an input is missing, damaged, or of another run.
    """
    objective: Objective = _module(settings).build(settings, inputs)
    return objective


def compute(settings: Computed, inputs: Inputs) -> Computation:
    """Return what a room computes without a training.

    Raises:
        UserError: if an input is missing, damaged, or of another run.
    """
    computation: Computation = _module(settings).compute(settings, inputs)
    return computation


def _module(settings: Stage) -> ModuleType:
    return importlib.import_module(objective_module(settings.objective))
