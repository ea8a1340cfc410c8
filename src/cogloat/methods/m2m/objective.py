"""M2m (Kim et al. 2020): in the last epochs, images of rare classes are made from frequent ones.

Shapes: B batch, C classes, G images to be made, S seeds to make them from.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cogloat.checkpoint import load_weights
from cogloat.data.sampling import class_balanced_order
from cogloat.methods.classifier.objective import Classification
from cogloat.methods.epochs import whole_epochs
from cogloat.methods.inputs import Inputs
from cogloat.methods.m2m.settings import Settings
from cogloat.methods.objective import Objective
from cogloat.models.networks import Classifier, to_device
from cogloat.models.normalisation import folded
from cogloat.randomness import generator, sent


@dataclass(frozen=True)
class Plan:
    """What a step makes of what, as it was drawn.

    Attributes:
        places_G: in the batch, of the images to be replaced.
        seeds_G: places of the images that they are made from.
        noise: that the seeds start with.
        accepted_G: which of the made images count, if g is sure of them.
    """

    places_G: Tensor
    seeds_G: Tensor
    noise: Tensor
    accepted_G: Tensor


class M2m(Classification):
    """Classification whose balanced batches hold images translated to their class by another net.

    The other net, g, is a classifier trained before. A made image counts if g is sure of it, and
    by a draw that favours seeds from much larger classes.
    """

    def __init__(self, settings: Settings, inputs: Inputs) -> None:
        """Build the classifier and load g.

        Raises:
            UserError: if there are no weights of g.
        """
        super().__init__(settings, inputs)
        self._synthesis = settings.synthesis
        self._first_epoch = whole_epochs(settings.synthesis.start, settings.epochs)
        self.guide = Classifier(inputs.backbone, inputs.data.classes, "linear")
        load_weights(self.guide, inputs.file("guide"))
        self.guide.requires_grad_(False)
        to_device(self.guide, inputs.device)
        # what is to be made is decided on the host
        self._labels_N = inputs.training.labels_N.cpu()
        self._counts_C = inputs.training.counts_C.cpu()

    def train(self, mode: bool = True) -> M2m:
        """Switch to training, but for g, which stays as it was trained."""
        super().train(mode)
        self.guide.eval()
        return self

    def order(self, epoch: int) -> Tensor:
        """Return a permutation of the images; once some are made, balanced draws of them."""
        if epoch < self._first_epoch:
            return super().order(epoch)
        draw = generator(self._seed, "order", epoch)
        return class_balanced_order(self._labels_N, self._counts_C, draw)

    def phase(self, epoch: int) -> Hashable:
        """Return nothing once images are made: how many is another number in each step."""
        return super().phase(epoch) if epoch < self._first_epoch else None

    def loss(self, positions_B: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Return the batch's loss, its accuracy and the share of images made, in percent."""
        if epoch < self._first_epoch:
            return super().loss(positions_B, epoch, step)
        draw = generator(self._seed, "augment", epoch, step)
        images = self._augment.augment(self._training.batch(positions_B), draw)
        labels_B = self._training.labels(positions_B)
        draw = generator(self._seed, "translate", epoch, step)
        plan = self._plan(self._labels_N[positions_B], images.shape[1:], draw)
        images, made_B = self._translate(images, labels_B, plan)
        logged = self._learn(
            self._augment.normalise(images), labels_B, self._weights_in(super().phase(epoch))
        )
        return logged | {"translated": 100 * made_B.double().mean()}

    def _plan(self, labels_B: Tensor, shape: torch.Size, draw: torch.Generator) -> Plan:
        """Draw what is to be made of what; on the host, as are the labels."""
        accept_BB = self._acceptance(labels_B)
        wanted_B = self._wanted(labels_B, draw) & accept_BB.any(dim=1)
        places_G = wanted_B.nonzero()[:, 0]
        made = len(places_G)
        # without any, there is nothing to draw from
        seeds_G = accept_BB[places_G].multinomial(1, generator=draw)[:, 0] if made else places_G
        noise = self._noise((made, *shape), draw)
        lots_G = torch.rand(made, generator=draw)
        return Plan(places_G, seeds_G, noise, lots_G < accept_BB[places_G, seeds_G])

    def _translate(self, images: Tensor, labels_B: Tensor, plan: Plan) -> tuple[Tensor, Tensor]:
        """Return a batch in 0..1 with some images replaced by made ones, and which [B]."""
        made_B = torch.zeros_like(labels_B, dtype=torch.bool)
        if len(plan.places_G) == 0:
            return images, made_B
        places_G, seeds_G, noise, accepted_G = (
            sent(drawn, images.device)
            for drawn in (plan.places_G, plan.seeds_G, plan.noise, plan.accepted_G)
        )
        noisy = (images.index_select(0, seeds_G) + noise).clamp(0, 1)
        made, sure_G = self._make(noisy, *labels_B.take(torch.stack([seeds_G, places_G])))
        kept_G = sure_G & accepted_G
        old = images.index_select(0, places_G)
        new = torch.where(kept_G[:, None, None, None], made, old)
        return images.index_copy(0, places_G, new), made_B.index_copy(0, places_G, kept_G)

    def _wanted(self, labels_B: Tensor, draw: torch.Generator) -> Tensor:
        """Draw which images are to be replaced: with probability 1 - n_t / n_max, bool [B]."""
        counts_C = self._counts_C.double()
        share_B = 1 - (counts_C / counts_C.max())[labels_B]
        return torch.rand(len(labels_B), generator=draw) < share_B

    def _acceptance(self, labels_B: Tensor) -> Tensor:
        """Return 1 - beta^(n_seed - n_target), 0 for a smaller seed class: [targets, seeds]."""
        counts_B = self._counts_C[labels_B].double()
        more_BB = (counts_B - counts_B[:, None]).clamp(min=0)
        return 1 - self._synthesis.beta**more_BB

    def _make(
        self, images: Tensor, seed_labels_G: Tensor, classes_G: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Walk from seed images towards the target classes.

        Each step goes along the normalised gradient that raises g's probability of the target and
        lowers f's score of the seed's class.

        Args:
            images: the seeds with their noise, in 0..1.
            seed_labels_G: their classes.
            classes_G: classes to make images of.

        Returns:
            The images, and where g is sure of the target.
        """
        settings = self._synthesis
        classifier, guide = folded(self.classifier.eval()), self._folded_guide
        for _ in range(settings.steps):
            images.requires_grad_()
            normalised = self._augment.normalise(images)
            seed_scores = classifier(normalised).float().gather(1, seed_labels_G[:, None])
            target_loss = F.cross_entropy(guide(normalised).float(), classes_G, reduction="sum")
            objective = target_loss + settings.seed_weight * seed_scores.sum()
            (gradient,) = torch.autograd.grad(objective, images)
            direction = F.normalize(gradient.flatten(1), dim=1).view_as(images)
            images = (images.detach() - settings.step_size * direction).clamp(0, 1)
        with torch.no_grad():
            scores_GC = guide(self._augment.normalise(images)).float()
        self.classifier.train()
        confidence_G = scores_GC.softmax(dim=1).gather(1, classes_G[:, None])[:, 0]
        return images, confidence_G >= settings.confidence

    @cached_property
    def _folded_guide(self) -> nn.Module:
        return folded(self.guide)

    def _noise(self, shape: tuple[int, ...], draw: torch.Generator) -> Tensor:
        """Return uniform noise whose norm, over what `noise_norm` says, is at most `noise`."""
        raw = torch.rand(shape, generator=draw) - 0.5
        dim = {"batch": 1, "image": 0}[self._synthesis.noise_norm]
        return raw.renorm(2, dim, self._synthesis.noise)


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective, with g's weights that were handed over."""
    return M2m(settings, inputs)
