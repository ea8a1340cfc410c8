"""The joint objective alpha L_contrastive + (1 - alpha) L_ProCo."""

from __future__ import annotations

import torch
from torch import Tensor

from cogloat.data.imageset import ImageSet
from cogloat.methods.inputs import Inputs
from cogloat.methods.moco.objective import Contrast
from cogloat.methods.objective import Objective
from cogloat.methods.proco.loss import class_prototypes, prototype_loss
from cogloat.methods.proco.settings import Settings
from cogloat.randomness import generator

CORESET_VIEWS = 2
BATCH = 512  # of the pass over the coreset


class ProCo(Contrast):
    """Contrastive pre-training that also pulls queries to their class's prototype.

    The prototypes are the coreset's class means under the key encoder in evaluation mode, for two
    augmented views of it; they are refreshed at the start of each epoch and constant within it.
    """

    prototypes_QCD: Tensor

    def __init__(self, settings: Settings, inputs: Inputs, coreset: ImageSet) -> None:
        """Build the encoders and empty prototypes."""
        super().__init__(settings, inputs)
        self._prototypes = settings.prototypes
        self.query_views = settings.prototypes.query_views
        self._coreset = coreset
        shape = (CORESET_VIEWS, inputs.data.classes, settings.projection[1])
        self.register_buffer("prototypes_QCD", torch.zeros(shape, device=inputs.device))

    def start_epoch(self, epoch: int) -> None:
        """Refresh the prototypes."""
        super().start_epoch(epoch)
        self.key.eval()
        views = [self._class_means(epoch, view) for view in range(CORESET_VIEWS)]
        self.prototypes_QCD.copy_(torch.stack(views))
        self.key.train()

    def loss(self, positions_B: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Return the batch's joint loss and its two terms."""
        views = self._embed(positions_B, epoch, step)
        contrastive = self._contrast(views, epoch, step)
        self.queue.enqueue(views.positives_BPD[:, 0], views.labels_B)
        to_prototypes = prototype_loss(
            views.queries_ABD, self.prototypes_QCD, views.labels_B, self._prototypes.temperature
        )
        alpha = self._prototypes.alpha
        return {
            "loss": alpha * contrastive + (1 - alpha) * to_prototypes,
            "contrastive_loss": contrastive,
            "prototype_loss": to_prototypes,
        }

    @torch.no_grad()
    def _class_means(self, epoch: int, view: int) -> Tensor:
        """Return the prototypes [C, D] of one augmented view of the coreset."""
        labels_N = self._coreset.labels_N
        embeddings = []
        for part, positions in enumerate(
            torch.arange(len(labels_N), device=labels_N.device).split(BATCH)
        ):
            draw = generator(labels_N.device, self._seed, "coreset", epoch, view, part)
            images = self._augment(self._coreset.batch(positions), draw)
            embeddings.append(self.key(images).float())
        return class_prototypes(torch.cat(embeddings), labels_N, self.prototypes_QCD.shape[1])


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective, with the coreset that was handed over."""
    return ProCo(settings, inputs, inputs.images("coreset"))
