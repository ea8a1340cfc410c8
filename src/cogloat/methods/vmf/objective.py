"""Probabilistic contrast (Du et al. 2024) beside a logit-adjusted classifier.

Shapes: B batch, C classes, D embedding.
"""

from __future__ import annotations

from collections.abc import Hashable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cogloat.data.augmentation import Augmentation
from cogloat.methods.classifier.loss import log_prior
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Objective
from cogloat.methods.supervised import Drawn, SupervisedObjective, accuracy
from cogloat.methods.vmf.loss import concentrations, expected_scores
from cogloat.methods.vmf.settings import Settings
from cogloat.models.heads import ProjectionHead
from cogloat.models.networks import to_device
from cogloat.models.normalisation import grouped
from cogloat.randomness import generator

UNSEEN = 0.9  # length of the mean of a class that no image was seen of


class Means(nn.Module):
    """The mean embedding of each class, over the images seen since the last epoch began.

    Those of the epoch before are what the next one begins with.
    """

    now: Tensor
    now_seen: Tensor
    next: Tensor
    next_seen: Tensor

    def __init__(self, classes: int, dimension: int) -> None:
        super().__init__()
        for name in ("now", "next"):
            self.register_buffer(name, torch.zeros(classes, dimension))
            self.register_buffer(f"{name}_seen", torch.zeros(classes))

    def begin(self, epoch: int, draw: torch.Generator) -> None:
        """Go on with the last epoch's means; beside them begin anew."""
        drawn = UNSEEN * F.normalize(torch.randn(self.now.shape, generator=draw), dim=1)
        fresh = drawn.to(self.now.device)
        self.now.copy_(self.next if epoch > 0 else fresh)
        self.now_seen.copy_(self.next_seen)
        self.next.copy_(fresh)
        self.next_seen.zero_()

    @torch.no_grad()
    def add(self, embeddings_BD: Tensor, labels_B: Tensor) -> None:
        """Take a batch into both."""
        members_BC = F.one_hot(labels_B, len(self.now)).to(embeddings_BD)
        counts_C, sums_CD = members_BC.sum(dim=0), members_BC.T @ embeddings_BD
        for means_CD, seen_C in ((self.now, self.now_seen), (self.next, self.next_seen)):
            share_C = counts_C / (counts_C + seen_C).clamp(min=1)
            own_CD = sums_CD / counts_C.clamp(min=1)[:, None]
            means_CD.lerp_(own_CD, share_C[:, None])
            seen_C.add_(counts_C)


class Vmf(SupervisedObjective):
    """A classifier with a projection whose classes are von Mises-Fisher distributions."""

    def __init__(self, settings: Settings, inputs: Inputs) -> None:
        super().__init__(settings, inputs)
        self._settings = settings
        features = self.classifier.backbone.feature_dim
        norm = grouped(settings.groups, inputs.ranks)
        self.projection = ProjectionHead(features, *settings.projection, norm)
        self.means = Means(inputs.data.classes, settings.projection[1])
        to_device(self, inputs.device)
        self._augment_contrast = Augmentation.named(settings.contrastive_augmentation, inputs.data)
        self._offsets_C = log_prior(inputs.training.counts_C)

    def start_epoch(self, epoch: int) -> None:
        """Let the last epoch's means be those that this one begins with."""
        self.means.begin(epoch, generator(self._seed, "directions", epoch))

    def draw(self, positions_B: Tensor, epoch: int, step: int) -> Drawn:
        """Draw the classifier's views of a batch, then two for the contrast."""
        pixels = self._training.batch(positions_B)
        views = [self._augment(pixels, generator(self._seed, "augment", epoch, step))]
        for view in range(2):
            draw = generator(self._seed, "augment contrast", view, epoch, step)
            views.append(self._augment_contrast(pixels, draw))
        return Drawn(torch.cat(views), self._training.labels(positions_B))

    def learn(self, drawn: Drawn, phase: Hashable) -> dict[str, Tensor]:
        """Return the loss of what was drawn, its two terms and its accuracy in percent."""
        settings, labels_B = self._settings, drawn.labels_B
        features = self.classifier.backbone(drawn.images)
        batch = len(labels_B)
        scores_BC = settings.score_scale * self.classifier.head(features[:batch]).float()
        adjusted = F.cross_entropy(scores_BC + self._offsets_C, labels_B)
        embeddings = self.projection(features).float()[batch:].split(batch)
        contrast = torch.stack([self._contrast(own, labels_B) for own in embeddings]).mean()
        return {
            "loss": adjusted + settings.contrast_weight * contrast,
            "class_loss": adjusted,
            "contrastive_loss": contrast,
            "train_accuracy": accuracy(scores_BC, labels_B),
        }

    def _contrast(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Return one view's loss; the view is in the means."""
        self.means.add(embeddings_BD.detach(), labels_B)
        means_CD = self.means.now
        kappa_C = concentrations(means_CD, self._settings.largest_concentration)
        scores_BC = expected_scores(
            embeddings_BD, F.normalize(means_CD, dim=1), kappa_C, self._settings.temperature
        )
        return F.cross_entropy(scores_BC + self._offsets_C, labels_B).float()


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective."""
    return Vmf(settings, inputs)
