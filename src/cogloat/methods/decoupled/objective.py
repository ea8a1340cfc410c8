"""Classifiers learned apart from the backbone (Kang et al. 2020): cRT and LWS."""

from __future__ import annotations

from torch import Tensor, nn

from cogloat.checkpoint import load_weights
from cogloat.methods.classifier.objective import Classification
from cogloat.methods.decoupled.settings import Settings
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Objective
from cogloat.models.heads import Rescaled
from cogloat.models.networks import to_device


class Decoupled(Classification):
    """A classifier on the backbone of another run, or that run's classifier with a factor a class.

    The backbone's weights do not learn.
    """

    def __init__(self, settings: Settings, inputs: Inputs) -> None:
        """Build the network and load the run that it starts from.

        Raises:
            UserError: if its weights are missing, damaged, or another network's.
        """
        super().__init__(settings, inputs)
        if settings.learns == "scales":
            linear = self.classifier.head
            assert isinstance(linear, nn.Linear)
            load_weights(linear, inputs.file("start"), prefix="head.")
            self.classifier.head = Rescaled(linear)
            to_device(self.classifier, inputs.device)

    def weights(self) -> dict[str, Tensor]:
        """Return what evaluation needs: a classifier, with the factors multiplied into it."""
        head = self.classifier.head
        if not isinstance(head, Rescaled):
            return super().weights()
        named = {"backbone": self.classifier.backbone, "head": head.linear()}
        return nn.ModuleDict(named).state_dict()


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective."""
    return Decoupled(settings, inputs)
