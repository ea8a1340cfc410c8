"""Classifiers computed from a trained network (Kang et al. 2020).

Shapes: N images, C classes, D features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cogloat.checkpoint import load_weights
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Computation
from cogloat.methods.readout.settings import NearestMean, Settings, TauNormalised
from cogloat.methods.supervised import accuracy
from cogloat.models.heads import NearestMeanClassifier
from cogloat.models.inference import class_means, outputs
from cogloat.models.networks import Classifier, to_device
from cogloat.results.history import Row


@torch.no_grad()
def compute(settings: Settings, inputs: Inputs) -> Computation:
    """Return the classifier that the settings name, with its accuracies in percent.

    Raises:
        UserError: if the run's weights are missing, damaged, or another network's.
    """
    network = Classifier(inputs.backbone, inputs.data.classes, "linear")
    load_weights(network, inputs.file("start"))
    to_device(network, inputs.device)
    judges = {"validation": inputs.validation, "test": inputs.test}
    judged = [
        (name, outputs(network.backbone, images, inputs.data), images.labels_N)
        for name, images in judges.items()
        if images is not None
    ]

    def measured(head: nn.Module) -> Row:
        return {
            f"{name}_accuracy": float(accuracy(head(features_ND), labels_N))
            for name, features_ND, labels_N in judged
        }

    match settings.classifier:
        case TauNormalised(taus=taus):
            tried = {tau: tau_normalised(network.head, tau) for tau in taus}
            found = {tau: {"tau": tau, **measured(head)} for tau, head in tried.items()}
            judge, _, _ = judged[0]
            best = max(taus, key=lambda tau: (found[tau][f"{judge}_accuracy"], -tau))
            network.head, row = tried[best], found[best]
        case NearestMean():
            features_ND = outputs(network.backbone, inputs.training, inputs.data)
            network.head = nearest_mean(features_ND, inputs.training.labels_N, inputs.data.classes)
            row = measured(network.head)
    return Computation(network.state_dict(), row)


@torch.no_grad()
def tau_normalised(linear: nn.Module, tau: float) -> nn.Linear:
    """Return a classifier whose vectors are divided by their norms to the power tau, unbiased."""
    weight_CD = linear.weight
    assert isinstance(weight_CD, Tensor)
    classes, features = weight_CD.shape
    made = nn.Linear(features, classes, device=weight_CD.device)
    made.weight.copy_(weight_CD / weight_CD.norm(dim=1, keepdim=True) ** tau)
    made.bias.zero_()
    return made


@torch.no_grad()
def nearest_mean(features_ND: Tensor, labels_N: Tensor, classes: int) -> NearestMeanClassifier:
    """Return a classifier by the means of each class's features, centred and of unit norm.

    The means themselves are not of unit norm ("CL2N" in the official code).
    """
    made = NearestMeanClassifier(features_ND.shape[1], classes).to(features_ND.device)
    made.centre.copy_(features_ND.mean(dim=0))
    unit_ND = F.normalize(features_ND - made.centre, dim=1)
    made.means.copy_(class_means(unit_ND, labels_N, classes))
    return made
