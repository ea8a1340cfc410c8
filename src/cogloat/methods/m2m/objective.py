"""M2m (Kim et al. 2020): in the last epochs, images of rare classes are made from frequent ones.

Shapes: B batch, C classes, G images to be made, S seeds to make them from.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from cogloat.checkpoint import load_weights
from cogloat.data.sampling import class_balanced_order
from cogloat.methods.classifier.objective import Classification
from cogloat.methods.epochs import whole_epochs
from cogloat.methods.inputs import Inputs
from cogloat.methods.m2m.settings import Settings
from cogloat.methods.objective import Objective
from cogloat.models.networks import Classifier, to_device
from cogloat.randomness import generator


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
        self.guide = Classifier(inputs.depth, inputs.data.classes, "linear")
        load_weights(self.guide, inputs.file("guide"))
        self.guide.requires_grad_(False)
        to_device(self.guide, inputs.device)

    def train(self, mode: bool = True) -> M2m:
        """Switch to training, but for g, which stays as it was trained."""
        super().train(mode)
        self.guide.eval()
        return self

    def order(self, epoch: int) -> Tensor:
        """Return a permutation of the images; once some are made, balanced draws of them."""
        if epoch < self._first_epoch:
            return super().order(epoch)
        draw = generator("cpu", self._seed, "order", epoch)
        return class_balanced_order(
            self._training.labels_N.cpu(), self._training.counts_C.cpu(), draw
        )

    def loss(self, positions_B: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Return the batch's loss, its accuracy and the share of images made, in percent."""
        if epoch < self._first_epoch:
            return super().loss(positions_B, epoch, step)
        draw = generator(positions_B.device, self._seed, "augment", epoch, step)
        images = self._augment.augment(self._training.batch(positions_B), draw)
        labels_B = self._training.labels_N[positions_B]
        draw = generator(positions_B.device, self._seed, "translate", epoch, step)
        images, made_B = self._translate(images, labels_B, draw)
        logged = self._learn(self._augment.normalise(images), labels_B, epoch)
        return logged | {"translated": 100 * made_B.double().mean()}

    def _translate(
        self, images: Tensor, labels_B: Tensor, draw: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return a batch in 0..1 with some images replaced by made ones, and which [B]."""
        accept_BB = self._acceptance(labels_B)
        wanted_B = self._wanted(labels_B, draw) & accept_BB.any(dim=1)
        places_G = wanted_B.nonzero()[:, 0]
        made_B = torch.zeros_like(wanted_B)
        if len(places_G) == 0:
            return images, made_B
        seeds_G = accept_BB[places_G].multinomial(1, generator=draw)[:, 0]
        made, confident_G = self._make(images[seeds_G], labels_B[seeds_G], labels_B[places_G], draw)
        lots_G = torch.rand(len(places_G), generator=draw, device=draw.device)
        kept_G = confident_G & (lots_G < accept_BB[places_G, seeds_G])
        made_B[places_G] = kept_G
        out = images.clone()
        out[places_G] = torch.where(kept_G[:, None, None, None], made, images[places_G])
        return out, made_B

    def _wanted(self, labels_B: Tensor, draw: torch.Generator) -> Tensor:
        """Draw which images are to be replaced: with probability 1 - n_t / n_max, bool [B]."""
        counts_C = self._training.counts_C.double()
        share_B = 1 - (counts_C / counts_C.max())[labels_B]
        return torch.rand(len(labels_B), generator=draw, device=draw.device) < share_B

    def _acceptance(self, labels_B: Tensor) -> Tensor:
        """Return 1 - beta^(n_seed - n_target), 0 for a smaller seed class: [targets, seeds]."""
        counts_B = self._training.counts_C[labels_B].double()
        more_BB = (counts_B - counts_B[:, None]).clamp(min=0)
        return 1 - self._synthesis.beta**more_BB

    def _make(
        self, seeds: Tensor, seed_labels_G: Tensor, classes_G: Tensor, draw: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Walk from seed images towards the target classes.

        Each step goes along the normalised gradient that raises g's probability of the target and
        lowers f's score of the seed's class.

        Args:
            seeds: images in 0..1.
            seed_labels_G: their classes.
            classes_G: classes to make images of.
            draw: of the noise the seeds start with.

        Returns:
            The images, and where g is sure of the target.
        """
        settings = self._synthesis
        images = (seeds + self._noise(seeds.shape, draw)).clamp(0, 1)
        self.classifier.eval()
        for _ in range(settings.steps):
            images.requires_grad_()
            normalised = self._augment.normalise(images)
            seed_scores = self.classifier(normalised).float().gather(1, seed_labels_G[:, None])
            target_loss = F.cross_entropy(
                self.guide(normalised).float(), classes_G, reduction="sum"
            )
            objective = target_loss + settings.seed_weight * seed_scores.sum()
            (gradient,) = torch.autograd.grad(objective, images)
            direction = F.normalize(gradient.flatten(1), dim=1).view_as(images)
            images = (images.detach() - settings.step_size * direction).clamp(0, 1)
        with torch.no_grad():
            scores_GC = self.guide(self._augment.normalise(images)).float()
        self.classifier.train()
        confidence_G = scores_GC.softmax(dim=1).gather(1, classes_G[:, None])[:, 0]
        return images, confidence_G >= settings.confidence

    def _noise(self, shape: torch.Size, draw: torch.Generator) -> Tensor:
        """Return uniform noise whose norm, over what `noise_norm` says, is at most `noise`."""
        raw = torch.rand(shape, generator=draw, device=draw.device) - 0.5
        dim = {"batch": 1, "image": 0}[self._synthesis.noise_norm]
        return raw.renorm(2, dim, self._synthesis.noise)


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective, with g's weights that were handed over."""
    return M2m(settings, inputs)
