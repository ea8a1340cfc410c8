"""SGD with momentum: PyTorch's arithmetic, without the class that loads its compiler.

Importing torch._dynamo, which every class of torch.optim does when it is made, takes as long as
importing torch; a job of a few seconds would be mostly that.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_
from torch.optim.sgd import sgd

from cogloat.methods.settings import Optimizer


class Sgd:
    """Takes steps with those parameters that are not frozen.

    v <- momentum v + gradient + weight_decay w, and then w <- w - lr v; the first v is the
    gradient's term alone. A weight with a `rate_factor` has that multiple of the rate.

    Attributes:
        lr: of the next step.
        weights: number -> parameter.
        momenta: number -> v, of each parameter that has had a gradient.
    """

    def __init__(self, parameters: Iterable[Parameter], settings: Optimizer) -> None:
        """Begin with the settings' rate and no momenta."""
        trainable = (weight for weight in parameters if weight.requires_grad)
        self.weights = {str(number): weight for number, weight in enumerate(trainable)}
        self.momenta: dict[str, Tensor] = {}
        self.lr = settings.lr
        self._settings = settings

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for weight in self.weights.values():
            weight.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move the weights that have a gradient."""
        if self._settings.clip is not None:
            clip_grad_norm_(self.weights.values(), self._settings.clip)
        by_factor: dict[float, dict[str, Parameter]] = {}
        for name, own in self.weights.items():
            if own.grad is not None:
                by_factor.setdefault(getattr(own, "rate_factor", 1.0), {})[name] = own
        for factor, moved in by_factor.items():
            self._move(moved, factor * self.lr)

    def _move(self, moved: dict[str, Parameter], rate: float) -> None:
        momenta = [self.momenta.get(name) for name in moved]
        sgd(
            list(moved.values()),
            [own.grad for own in moved.values() if own.grad is not None],
            momenta,
            foreach=True,
            lr=rate,
            momentum=self._settings.momentum,
            weight_decay=self._settings.weight_decay,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
        for name, momentum in zip(moved, momenta, strict=True):
            if momentum is not None:
                self.momenta[name] = momentum
