"""What jobs cost: by a calibration of a machine, otherwise by the dataset's cautious rate.

Jobs ask a cluster for their time by this, and `plan.py` says by it what a collection costs. Imports
no torch.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from cogloat.config.backbone import Backbone
from cogloat.config.dataset import Data, Dataset, ListFile, Resources
from cogloat.data.longtail import class_counts
from cogloat.imbalance import NATURAL, Factor, ratio
from cogloat.methods.settings import Computed, Supervised, Training
from cogloat.results.calibration import Calibration
from cogloat.runs.collections import Runtime
from cogloat.runs.work import kind_of_work

# a step was measured; only steps of other work were, and passes are counted; neither
Basis = Literal["measured", "passes", "config"]


GAIN = 0.5  # of a further process, of what the first one does; estimated, not measured


class Estimate(NamedTuple):
    """What a job takes.

    Attributes:
        seconds: of its work, without the start of its script.
        memory_mb: the most main memory.
        device_mb: the most memory on a GPU; 0 where none is known.
        basis: what the seconds stand on.
    """

    seconds: float
    memory_mb: int
    device_mb: int
    basis: Basis


class Costs:
    """What jobs of one dataset cost."""

    def __init__(self, resources: Resources, calibration: Calibration | None = None) -> None:
        """Take what is known.

        Args:
            resources: of the dataset.
            calibration: of the dataset on the machine that is meant, if there is one.
        """
        self._resources, self._measured = resources, calibration

    @property
    def start(self) -> float:
        """Seconds of a script that trains or evaluates, up to its work; 0 if not measured."""
        return self._measured.start if self._measured else 0

    @property
    def light_start(self) -> float:
        """Seconds of a script without torch; 0 if not measured."""
        return self._measured.light_start if self._measured else 0

    def training(
        self, settings: Training, data: Data, backbone: Backbone, images: int, *, frozen: bool
    ) -> Estimate:
        """Return what the training of a stage takes.

        Args:
            settings: of the stage.
            data: of the dataset.
            backbone: of the network.
            images: of the training set. The test set is taken to have as many.
            frozen: whether only a classifier on top of the network learns.
        """
        if isinstance(settings, Computed):
            return self.passing(2 * images)  # the training set, and the test set
        passes = 1 if frozen else settings.passes
        if self._measured is None:
            # the test set is passed where the accuracy is followed
            tested = 1 / settings.evaluate_every if isinstance(settings, Supervised) else 0
            worked = settings.epochs * images * (passes + tested)
            return self._by_config(worked / self._resources.images_per_second)
        work = self._measured.works.get(kind_of_work(settings, data, backbone, frozen=frozen))
        batches = images / settings.batch_size
        steps = settings.epochs * (max(math.floor(batches), 1) if settings.drop_last else batches)
        tests = 0.0
        if isinstance(settings, Supervised):  # a frozen backbone passes the test set once
            count = 1 if frozen else math.ceil(settings.epochs / settings.evaluate_every)
            tests = count * images * self._measured.inference
        if work is None:
            seconds = steps * settings.batch_size * passes * self._seconds_of_a_pass()
            return self._like_others(seconds + tests)
        refreshes = settings.epochs * work.refresh * images / work.images
        seconds = work.ready + refreshes + steps * work.step + tests
        return Estimate(seconds, work.memory_mb, work.device_mb, "measured")

    def passing(self, images: int) -> Estimate:
        """Return what passes of the network over so many images take, without gradient."""
        if self._measured is None:
            return self._by_config(images / self._resources.images_per_second)
        return self._like_others(images * self._measured.inference)._replace(basis="measured")

    def _by_config(self, seconds: float) -> Estimate:
        return Estimate(seconds, self._resources.mem_mb, 0, "config")

    def _like_others(self, seconds: float) -> Estimate:
        """Return an estimate of work that was not measured; it needs as much as what needs most."""
        assert self._measured is not None
        works = self._measured.works.values()
        memory = max((work.memory_mb for work in works), default=self._resources.mem_mb)
        device = max((work.device_mb for work in works), default=0)
        return Estimate(seconds, memory, device, "passes")

    def _seconds_of_a_pass(self) -> float:
        """Return seconds of an image's forward pass in training: the median of what is measured."""
        assert self._measured is not None
        works = self._measured.works.values()
        rates = [work.step / (work.batch_size * work.passes) for work in works]
        return statistics.median(rates) if rates else self._measured.inference


def training_images(split: Path, factor: Factor, dataset: Dataset) -> int:
    """Return how many images a training set has, or may have before it is drawn.

    Args:
        split: the file of the training set; if it is there, its lines are counted.
        factor: how the set is long-tailed.
        dataset: states the images of the largest class.
    """
    if split.is_file():
        return max(split.read_bytes().count(b"\n") - 1, 1)
    return sum(estimated_counts(factor, dataset))


def estimated_counts(factor: Factor, dataset: Dataset) -> list[int]:
    """Return how many images each class of a training set may have before it is drawn.

    Data as they are have what their list says, if it is there.
    """
    largest, images = dataset.resources.largest_class, dataset.resources.images
    if factor != NATURAL:
        return class_counts(max(largest, ratio(factor) or 1), dataset.classes, factor)
    if isinstance(dataset.source, ListFile) and Path(dataset.source.train).is_file():
        lines = Path(dataset.source.train).read_text("utf-8", "replace").splitlines()
        labels = Counter(line.split()[-1] for line in lines if line.strip())
        return sorted(labels.values(), reverse=True)
    if images is None:
        return [largest] * dataset.classes
    return list(_falling_counts(largest, dataset.classes, images))


@cache
def _falling_counts(largest: int, classes: int, images: int) -> Sequence[int]:
    """Return counts of about so many images together, which fall as a power of the rank."""
    steepest, flattest = 10.0, 0.0
    for _ in range(40):
        power = (steepest + flattest) / 2
        counts = [max(round(largest * rank**-power), 1) for rank in range(1, classes + 1)]
        steepest, flattest = (steepest, power) if sum(counts) > images else (power, flattest)
    return counts


def shared(estimate: Estimate, processes: int) -> Estimate:
    """Return what a training takes if some processes share its batches, by a cautious rate."""
    return estimate._replace(seconds=estimate.seconds / (1 + GAIN * (processes - 1)))


def minutes(estimate: Estimate, runtime: Runtime) -> int:
    """Return how many minutes a stage asks a cluster for: its start, and its work with a margin."""
    return math.ceil(runtime.start + runtime.margin * estimate.seconds / 60)
