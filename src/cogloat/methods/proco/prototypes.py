"""The class prototypes of the paper's section 3.4: means of a coreset's embeddings.

Shapes: C classes, D embedding, N coreset images, Q coreset views.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cogloat.data.augmentation import Augmentation
from cogloat.data.imageset import ImageSet
from cogloat.methods.inputs import Inputs
from cogloat.methods.proco.loss import class_prototypes
from cogloat.randomness import generator

CORESET_VIEWS = 2
BATCH = 512  # of the pass over the coreset


class CoresetPrototypes(nn.Module):
    """An encoder's class means, in evaluation mode, of two augmented views of a coreset.

    They are constant between two calls of `refresh`, and zero before the first.

    Attributes:
        views_QCD: the prototypes, a set for each view.
    """

    views_QCD: Tensor

    def __init__(
        self, coreset: ImageSet, augment: Augmentation, dimension: int, inputs: Inputs
    ) -> None:
        super().__init__()
        self._coreset, self._augment, self._seed = coreset, augment, inputs.seed
        self._ranks = inputs.ranks
        shape = (CORESET_VIEWS, inputs.data.classes, dimension)
        self.register_buffer("views_QCD", torch.zeros(shape, device=inputs.device))

    def refresh(self, encoder: nn.Module, epoch: int) -> None:
        """Embed the coreset anew; the encoder is in training mode afterwards."""
        encoder.eval()
        views = [self._class_means(encoder, epoch, view) for view in range(CORESET_VIEWS)]
        self.views_QCD.copy_(torch.stack(views))
        encoder.train()

    @torch.no_grad()
    def _class_means(self, encoder: nn.Module, epoch: int, view: int) -> Tensor:
        """Return the prototypes [C, D] of one augmented view of the coreset.

        A rank embeds every so many-th of its batches, with the draws that one process has for them.
        """
        classes, dimension = self.views_QCD.shape[1:]
        batches = torch.arange(len(self._coreset)).split(BATCH)
        own = range(self._ranks.rank, len(batches), self._ranks.size)
        embeddings = [self.views_QCD.new_zeros(0, dimension)]
        for number in own:
            draw = generator(self._seed, "coreset", epoch, view, number)
            images = self._augment(self._coreset.batch(batches[number]), draw)
            embeddings.append(encoder(images).float())
        own_N = torch.cat([batches[number] for number in own]) if own else torch.arange(0)
        labels_N = self._coreset.labels(own_N)
        return class_prototypes(torch.cat(embeddings), labels_N, classes, self._ranks)
