"""Whether the methods of a table or figure have what it shows. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping

from cogloat.config.types import StageName
from cogloat.errors import UserError
from cogloat.methods.moco.settings import AdaptiveTemperature, Contrastive, MomentumContrast
from cogloat.methods.moco.settings import Settings as Moco
from cogloat.runs.collections import (
    AcceptanceTable,
    AccuracyTable,
    EmbeddingFigure,
    GradientsTable,
    GroupsTable,
    LeaksTable,
    Runs,
    SeparabilityTable,
    TemperaturesFigure,
    TimesTable,
)
from cogloat.runs.effective import RunConfig

Stages = Mapping[StageName, RunConfig]


def check_runs(place: str, runs: Runs, configs: Mapping[tuple[str, str], Stages]) -> None:
    """Refuse what a table or figure cannot show.

    Args:
        place: file and key of the table or figure, for messages.
        runs: its own.
        configs: dataset and method -> the configurations of the stages.

    Raises:
        UserError: naming the method, and why it is none for the table or figure.
    """
    if isinstance(runs, AccuracyTable | GroupsTable | AcceptanceTable):
        if isinstance(runs, AccuracyTable) and runs.images == "validation":
            _check_held_out(place, configs)
        return
    for (dataset, method), stages in configs.items():
        if "pretrain" not in stages:
            raise UserError(
                f"{place}.methods: '{method}' has no stage 'pretrain', of which the kind "
                f"'{runs.kind}' is. Leave it out."
            )
        own = stages["pretrain"]
        if own.method != method:
            raise UserError(
                f"{place}.methods: '{method}' stands on the encoder of '{own.method}'. Name that "
                "one in its place."
            )
        match runs:
            case TemperaturesFigure():
                _check_adaptive(place, method, own)
            case GradientsTable():
                _check_contrast_alone(place, method, own)
            case LeaksTable():
                _check_pair(place, method, own)
            case EmbeddingFigure(rarest=rarest) | SeparabilityTable(rarest=rarest) if (
                rarest > own.data.classes
            ):
                raise UserError(
                    f"{place}.rarest: '{dataset}' has {own.data.classes} classes, not {rarest}. "
                    f"Write at most {own.data.classes}."
                )
            case TimesTable():
                _check_timed(place, method, own, configs[dataset, runs.methods[0]]["pretrain"])


def _check_held_out(place: str, configs: Mapping[tuple[str, str], Stages]) -> None:
    for (dataset, _), stages in configs.items():
        if any(own.data.validation is None for own in stages.values()):
            raise UserError(
                f"{place}.images: 'validation', but '{dataset}' holds no images out. Add "
                "'validation' to its file, or write images: test."
            )


def _check_pair(place: str, method: str, own: RunConfig) -> None:
    if not isinstance(own.settings, MomentumContrast):
        raise UserError(
            f"{place}.methods: '{method}' has the objective '{own.settings.objective}', which has "
            "no key encoder. Leave it out."
        )


def _check_adaptive(place: str, method: str, own: RunConfig) -> None:
    settings = own.settings
    if not (
        isinstance(settings, Contrastive) and isinstance(settings.temperature, AdaptiveTemperature)
    ):
        raise UserError(
            f"{place}.methods: '{method}' has no adaptive temperature on '{own.dataset}'. Name a "
            "method that has one, such as 'cogloat'."
        )


def _check_contrast_alone(place: str, method: str, own: RunConfig) -> None:
    if not isinstance(own.settings, Moco):
        raise UserError(
            f"{place}.methods: '{method}' has the objective '{own.settings.objective}', but only "
            "gradients of 'moco' are measured. Leave it out."
        )


def _check_timed(place: str, method: str, own: RunConfig, first: RunConfig) -> None:
    if not own.settings.steady:
        raise UserError(
            f"{place}.methods: '{method}' has the objective '{own.settings.objective}', whose "
            "steps change during training. Leave it out."
        )
    if own.data != first.data:
        raise UserError(
            f"{place}.methods: '{method}' is trained on other views than '{first.method}'. Time "
            "methods of one augmentation."
        )
