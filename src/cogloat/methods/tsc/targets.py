"""Targets of TSC (Li et al. 2022): points on the sphere, as far from each other as they can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import helmert
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from cogloat.errors import UserError
from cogloat.methods.tsc.settings import TargetPoints


def place_targets(classes: int, dimension: int, settings: TargetPoints) -> Tensor:
    """Return unit vectors [classes, dimension], float64, that minimise `uniformity_loss`.

    Where they fit (classes <= dimension + 1) they are the vertices of a regular simplex; otherwise
    Adam looks for them from random directions.
    """
    if classes <= dimension + 1:
        return F.pad(_simplex(classes), (0, dimension - (classes - 1)))
    return _optimised(classes, dimension, settings)


def uniformity_loss(points_CD: Tensor, temperature: float) -> Tensor:
    """Return the mean over points of the log of the sum of exp(cosine / temperature) over all."""
    return (points_CD @ points_CD.T / temperature).logsumexp(dim=1).mean()


def read_targets(path: Path, shape: tuple[int, int]) -> Tensor:
    """Read targets as float32.

    Raises:
        UserError: if the file is missing or damaged, or its targets have another shape.
    """
    try:
        points: NDArray = np.load(path)
    except FileNotFoundError:
        raise UserError(
            f"{path}: the targets are missing. Make them by place_targets.py."
        ) from None
    except (ValueError, EOFError):
        raise UserError(f"{path}: not an array of targets. Make them again.") from None
    if points.shape != shape:
        raise UserError(
            f"{path}: {' x '.join(map(str, points.shape))} targets, but the run has {shape[0]} "
            f"classes in {shape[1]} dimensions. Make them for these by place_targets.py."
        )
    return torch.from_numpy(points).float()


def _simplex(classes: int) -> Tensor:
    """Return the vertices [C, C - 1]: columns of Helmert's basis of what sums to zero."""
    return F.normalize(torch.from_numpy(helmert(classes)).T, dim=1)


def _optimised(classes: int, dimension: int, settings: TargetPoints) -> Tensor:
    draw = torch.Generator().manual_seed(settings.seed)
    start_CD = torch.randn(classes, dimension, generator=draw, dtype=torch.float64)
    free_CD = F.normalize(start_CD, dim=1).requires_grad_()
    optimizer = torch.optim.Adam([free_CD], lr=settings.lr)
    for _ in tqdm(range(settings.steps), desc="targets", unit="step", disable=None):
        loss = uniformity_loss(F.normalize(free_CD, dim=1), settings.temperature)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return F.normalize(free_CD.detach(), dim=1)
