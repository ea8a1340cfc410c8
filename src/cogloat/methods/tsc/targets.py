"""Targets of TSC (Li et al. 2022): points on the sphere, as far from each other as they can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from scipy.linalg import helmert
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from cogloat.errors import UserError
from cogloat.methods.tsc.settings import TargetPoints
from cogloat.readers.arrays import read_array

PLACE_THEM = "Make them again by place_targets.py."
OFF_THE_SPHERE = 1e-3  # of a norm; half precision rounds by less


def place_targets(classes: int, dimension: int, settings: TargetPoints) -> Tensor:
    """Return unit vectors [classes, dimension], float64, that minimise `uniformity_loss`.

    Where they fit (classes <= dimension + 1) they are the vertices of a regular simplex; otherwise
    Adam looks for them from normal draws. These are not normalised (nor in the official code): how
    far a step turns a point depends on its length.
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
        UserError: if the file is missing or damaged, or its targets have another shape or are
            not on the sphere.
    """
    try:
        points_CD = read_array(path, "f", 2, PLACE_THEM).astype(np.float64)
    except FileNotFoundError:
        raise UserError(
            f"{path}: the targets are missing. Make them by place_targets.py."
        ) from None
    if points_CD.shape != shape:
        raise UserError(
            f"{path}: {' x '.join(map(str, points_CD.shape))} targets, but the run has {shape[0]} "
            f"classes in {shape[1]} dimensions. Make them for these by place_targets.py."
        )
    norms_C = np.linalg.norm(points_CD, axis=1)
    off_C = ~(np.abs(norms_C - 1) <= OFF_THE_SPHERE)  # of nan too
    if off_C.any():
        target = int(off_C.argmax())
        raise UserError(
            f"{path}: target {target}, counted from 0, has the norm {norms_C[target]:.4g}, not 1. "
            f"{PLACE_THEM}"
        )
    return torch.from_numpy(points_CD).float()


def _simplex(classes: int) -> Tensor:
    """Return the vertices [C, C - 1]: columns of Helmert's basis of what sums to zero."""
    return F.normalize(torch.from_numpy(helmert(classes)).T, dim=1)


def _optimised(classes: int, dimension: int, settings: TargetPoints) -> Tensor:
    draw = torch.Generator().manual_seed(settings.seed)
    free_CD = torch.randn(classes, dimension, generator=draw, dtype=torch.float64).requires_grad_()
    optimizer = torch.optim.Adam([free_CD], lr=settings.lr)
    for _ in tqdm(range(settings.steps), desc="targets", unit="step", disable=None):
        loss = uniformity_loss(F.normalize(free_CD, dim=1), settings.temperature)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return F.normalize(free_CD.detach(), dim=1)
