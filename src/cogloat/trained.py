"""The networks that a run has trained, opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cogloat.checkpoint import load_checkpoint, load_weights, put_weights
from cogloat.errors import UserError
from cogloat.methods.moco.settings import Contrastive
from cogloat.methods.settings import Judged
from cogloat.models.networks import Classifier, Encoder, build_encoder, to_device
from cogloat.models.normalisation import grouped
from cogloat.runs.effective import RunConfig


def load_encoder(
    config: RunConfig, weights: Path, device: torch.device, groups: int = 1
) -> Encoder:
    """Return the encoder that a contrastive stage left.

    Args:
        config: of the stage.
        weights: that it left.
        device: where the encoder is to be.
        groups: of a batch in training mode, with statistics of their own; outside it, split batch
            norm is batch norm.

    Raises:
        UserError: if the stage leaves none, or the weights are missing, damaged or of another
            network.
    """
    settings = config.settings
    if not isinstance(settings, Contrastive):
        raise UserError(
            f"{weights}: stage '{config.stage}' of {config.method} trains no encoder with a "
            "projection. Give the configuration and the weights of a pretrain stage."
        )
    norm = grouped(groups)
    encoder = build_encoder(config.backbone, settings.projection, norm)
    load_weights(encoder, weights)
    to_device(encoder, device)
    return encoder


def load_classifier(config: RunConfig, weights: Path, device: torch.device) -> Classifier:
    """Return the classifier that the last stage of a run left.

    Raises:
        UserError: if the stage leaves none, or the weights are missing, damaged or of another
            network.
    """
    return build_classifier(config, load_checkpoint(weights, "weights file"), weights, device)


def build_classifier(
    config: RunConfig, tensors: dict[str, Any], file: Path, device: torch.device
) -> Classifier:
    """Return the classifier of tensors that were read from a file, as `load_classifier` does."""
    head = classifier_settings(config, file).head_kind
    size = config.data.image_size
    classifier = Classifier(config.backbone, config.data.classes, head, image_size=size)
    put_weights(classifier, tensors, file)
    to_device(classifier, device)
    return classifier


def classifier_settings(config: RunConfig, weights: Path) -> Judged:
    """Return the settings of a stage that leaves a classifier.

    Raises:
        UserError: if it leaves none.
    """
    settings = config.settings
    if not isinstance(settings, Judged):
        raise UserError(
            f"{weights}: stage '{config.stage}' of {config.method} leaves no classifier. "
            "Give the configuration and the weights of the run's last stage."
        )
    return settings


def check_finite(outputs_N: Tensor, network: nn.Module, weights: Path) -> None:
    """Check the outputs [N, ...] of a trained network.

    Args:
        outputs_N: of the images.
        network: whose weights are finite.
        weights: the file that the weights are from, for the message.

    Raises:
        UserError: if one is not finite.
    """
    lost_N = ~outputs_N.isfinite().flatten(1).all(dim=1)
    if not lost_N.any():
        return
    largest = max(float(value.abs().max()) for value in network.state_dict().values())
    raise UserError(
        f"{weights}: what it makes of {int(lost_N.sum())} of {len(lost_N)} images is not finite, "
        f"though the weights are, up to {largest:.2g}. "
        "Train this stage again; if it comes again, lower its optimizer.lr."
    )
