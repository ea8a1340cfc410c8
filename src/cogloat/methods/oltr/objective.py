"""OLTR's second stage (Liu et al. 2019): classification through a memory of the classes."""

from __future__ import annotations

from collections.abc import Hashable

import torch
from torch import Tensor
from torch.nn import functional as F

from cogloat.checkpoint import load_weights
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Objective
from cogloat.methods.oltr.loss import attraction, repulsion
from cogloat.methods.oltr.settings import Settings
from cogloat.methods.supervised import Drawn, SupervisedObjective, accuracy
from cogloat.models.inference import class_means, outputs
from cogloat.models.memory import AttendedFeatures, MemoryClassifier
from cogloat.models.networks import learn_at, to_device
from cogloat.randomness import generator


class Oltr(SupervisedObjective):
    """A classifier with attention and a memory, which begins at the classes' mean features."""

    def __init__(self, settings: Settings, inputs: Inputs) -> None:
        """Build the network and load the first stage.

        Raises:
            UserError: if its weights are missing, damaged, or another network's.
        """
        super().__init__(settings, inputs)
        self._settings = settings
        features, head = self.classifier.backbone, self.classifier.head
        assert isinstance(features, AttendedFeatures)
        assert isinstance(head, MemoryClassifier)
        start = inputs.file("start")
        load_weights(features.backbone, start, prefix="backbone.")
        load_weights(head.recall, start, prefix="head.")
        to_device(self.classifier, inputs.device)
        learn_at(settings.features_rate, features.parameters())
        learn_at(settings.memory_rate, [head.memory])
        self._features, self._head = features, head

    def start_epoch(self, epoch: int) -> None:
        """Before the first step, put each class's mean feature in the memory."""
        if epoch == 0:
            mode = self.training
            self._fill_memory()
            self.train(mode)

    def draw(self, positions_B: Tensor, epoch: int, step: int) -> Drawn:
        """Draw the views of a batch."""
        draw = generator(self._seed, "augment", epoch, step)
        images = self._augment(self._training.batch(positions_B), draw)
        return Drawn(images, self._training.labels(positions_B))

    def learn(self, drawn: Drawn, phase: Hashable) -> dict[str, Tensor]:
        """Return the loss of what was drawn, its terms and its accuracy in percent."""
        settings, labels_B = self._settings, drawn.labels_B
        features_BD = self._features(drawn.images).float()
        scores_BC = self._head(features_BD).float()
        memory_CD = self._head.memory
        with torch.autocast(features_BD.device.type, enabled=False):
            attracted = attraction(features_BD, memory_CD, labels_B)
            repelled = repulsion(features_BD, memory_CD, labels_B, settings.margin)
        classified = F.cross_entropy(scores_BC, labels_B)
        with_memory = settings.memory_weight * (attracted + settings.repel_weight * repelled)
        return {
            "loss": classified + with_memory,
            "class_loss": classified,
            "attraction": attracted,
            "repulsion": repelled,
            "train_accuracy": accuracy(scores_BC, labels_B),
        }

    @torch.no_grad()
    def _fill_memory(self) -> None:
        features_ND = outputs(self._features, self._training, self._data)
        memory_CD = self._head.memory
        memory_CD.copy_(class_means(features_ND, self._training.labels_N, len(memory_CD)))


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective."""
    return Oltr(settings, inputs)
