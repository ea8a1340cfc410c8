"""A step of a training: a batch's loss, its gradients, and what the optimizer makes of them."""

from __future__ import annotations

from torch import Tensor, nn

from cogloat.methods.objective import Objective
from cogloat.models.normalisation import shares_of_statistics
from cogloat.ranks import Ranks
from cogloat.training.machine import Machine
from cogloat.training.sgd import Sgd


def take_step(
    objective: Objective,
    optimizer: Sgd,
    machine: Machine,
    positions_B: Tensor,
    epoch: int,
    step: int,
) -> dict[str, Tensor]:
    """Train on one batch; return the objective's loss and what else it logs.

    Args:
        objective: what is trained, in training mode.
        optimizer: of its parameters.
        machine: device and precision, and the ranks that take the step together.
        positions_B: of the whole batch's images, on the host.
        epoch: from 0.
        step: of the epoch, from 0.
    """
    with machine.autocast():
        logged = objective.loss(positions_B, epoch, step)
    optimizer.zero_grad()
    logged["loss"].backward()
    if machine.ranks.size > 1:
        logged = _added_up(objective, optimizer, logged, machine.ranks)
    optimizer.step()
    return {name: value.detach() for name, value in logged.items()}


def _added_up(
    objective: Objective, optimizer: Sgd, logged: dict[str, Tensor], ranks: Ranks
) -> dict[str, Tensor]:
    """Make of the ranks' shares what one process would have, in one exchange.

    Of gradients and running statistics in place; what was logged is returned.
    """
    assert isinstance(objective, nn.Module)
    gradients = [own.grad for own in optimizer.weights.values() if own.grad is not None]
    means = {name: own.detach().clone() for name, own in logged.items()}
    ranks.add_up([*gradients, *shares_of_statistics(objective), *means.values()])
    return means
