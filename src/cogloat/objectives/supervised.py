"""What every objective shares that leaves a classifier: its network and its test accuracy."""

from __future__ import annotations

from torch import Tensor, nn

from cogloat.config.schema import Data, Supervised
from cogloat.data.augmentation import Augmentation
from cogloat.data.imageset import ImageSet
from cogloat.data.sampling import epoch_order
from cogloat.randomness import generator
from cogloat.training.inference import outputs
from cogloat.training.loop import Row
from cogloat.training.networks import Classifier


class SupervisedObjective(nn.Module):
    """A classifier whose test accuracy is followed; a subclass gives the loss."""

    def __init__(
        self,
        classifier: Classifier,
        settings: Supervised,
        data: Data,
        training: ImageSet,
        test: ImageSet | None,
        seed: int,
    ) -> None:
        """Take a classifier that is on its device already.

        Args:
            classifier: the network.
            settings: of the stage.
            data: statistics and augmentations.
            training: the long-tailed set.
            test: the test set, or None to measure no test accuracy.
            seed: of every draw.
        """
        super().__init__()
        self.size = len(training)
        self.classifier = classifier
        self._supervised, self._data, self._seed = settings, data, seed
        self._training, self._test = training, test
        self._augment = Augmentation.named(settings.augmentation, data)

    def order(self, epoch: int) -> Tensor:
        """Return a permutation of the images."""
        return epoch_order(self.size, generator("cpu", self._seed, "order", epoch))

    def start_epoch(self, epoch: int) -> None:
        """Nothing is constant within an epoch only."""

    def end_epoch(self, epoch: int) -> Row:
        """Measure the test accuracy in percent, where it is due."""
        if self._test is None:
            return {}
        due = (epoch + 1) % self._supervised.evaluate_every == 0
        if not due and epoch + 1 != self._supervised.epochs:
            return {"test_accuracy": None}
        self.eval()
        return {
            "test_accuracy": float(accuracy(self._test_scores(self._test), self._test.labels_N))
        }

    def weights(self) -> dict[str, Tensor]:
        """Return what evaluation needs: the classifier."""
        return self.classifier.state_dict()

    def _test_scores(self, test: ImageSet) -> Tensor:
        """Return the test scores [N, C]."""
        return outputs(self.classifier, test, self._data)


def accuracy(scores_BC: Tensor, labels_B: Tensor) -> Tensor:
    """Return the share of highest scores that are the right class's, in percent."""
    return 100 * (scores_BC.argmax(dim=1) == labels_B).double().mean()
