"""The jobs behind a collection, and what they cost together. Imports no torch.

Jobs of seconds that are not one a run (splits, tables, figures) are left out.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cogloat.config.backbone import Backbone, weights
from cogloat.config.dataset import Data
from cogloat.config.types import StageName
from cogloat.imbalance import NATURAL, Factor, folder
from cogloat.methods.moco.settings import Contrastive
from cogloat.methods.settings import CoresetOf, Training, WeightsOf
from cogloat.results.calibration import Calibration
from cogloat.results.jobs import PlannedJob
from cogloat.runs.collections import Collection, OfTable, ReadingsFigure, Runs, TimesTable
from cogloat.runs.cost import Costs, Estimate, estimated_counts, training_images
from cogloat.runs.effective import RunConfig
from cogloat.runs.load import coreset_config, load_dataset, run_config
from cogloat.runs.work import stages_of

Key = tuple[str, ...]  # what a job does, then dataset, set, method, seed and stage
# kind of a table or figure -> passes over the training set that measuring an encoder takes
MEASURED = {"features": 2, "gradients": 3, "separability": 1, "leaks": 2, "embedding": 1}
FLOAT, CHANNELS, MEGABYTE = 4, 3, 1e6  # bytes of a weight, of a pixel, and on a disk
EPOCH, RECORD = 100, 5_000  # bytes of a line of history.csv; of what else a job leaves to read


class Job(NamedTuple):
    """One job.

    Attributes:
        start: seconds of its script before its work.
        work: what it takes then.
        disk: bytes that it leaves.
        after: the jobs whose files it needs.
    """

    start: float
    work: Estimate
    disk: int
    after: tuple[Key, ...] = ()

    @property
    def seconds(self) -> float:
        """From its script's first line to the last."""
        return self.start + self.work.seconds


Jobs = Mapping[Key, Job]


class Row(NamedTuple):
    """What one method in one table or figure takes on one long-tailed set.

    Attributes:
        runs: seeds.
        jobs: all that is needed, whoever else needs it too.
    """

    table: str
    dataset: str
    factor: Factor
    method: str
    runs: int
    jobs: Jobs


class Planner:
    """Finds the jobs behind tables; nothing has to be there but the configuration."""

    def __init__(self, config: Path, calibrations: Mapping[str, Calibration], splits: Path) -> None:
        """Take what is known.

        Args:
            config: folder of the configuration.
            calibrations: by dataset; for others the configuration's rates are taken.
            splits: folder of the long-tailed sets, whose images are counted where they are drawn.
        """
        self._config, self._splits = config, splits
        self._calibrations = calibrations
        self._known: dict[Key, tuple[Estimate, int]] = {}

    def rows(self, collection: Collection) -> list[Row]:
        """Return what a collection's tables and figures take, in their order."""
        rows = []
        for name, part in collection.parts().items():
            if isinstance(part, OfTable | ReadingsFigure) or part.kind == "temperatures":
                continue  # it shows what another part has made, or the configuration
            for own in itertools.product(part.datasets, part.factors, part.methods):
                rows.append(Row(name, *own, len(part.seeds), self._of(name, part, *own)))
        return rows

    def stage(
        self, dataset: str, factor: Factor, method: str, seed: int, stage: StageName
    ) -> tuple[Key, dict[Key, Job]]:
        """Return the key of a stage's job, and the jobs that its weights need."""
        own = run_config(self._config, dataset, factor, method, seed, stage)
        place = (dataset, folder(factor), own.method, f"seed{seed}")
        jobs: dict[Key, Job] = {}
        after = [self._configure((*place, stage), jobs, dataset)]
        if stage == "finetune":
            after.append(self._add(jobs, self.stage(dataset, factor, method, seed, "pretrain")))
        for need in own.settings.needs.values():
            match need:
                case CoresetOf(name):
                    after.append(self._add(jobs, self._coreset(dataset, factor, name)))
                case WeightsOf(guide):
                    found = self.stage(dataset, factor, guide, seed, "train")
                    after.append(self._add(jobs, found))
        after.append(self._add(jobs, self._store(dataset)))
        estimate, weights = self._training(own)
        disk = weights + own.settings.epochs * EPOCH + RECORD
        start = self._costs(dataset).start
        jobs[stage, *place] = Job(start, estimate, disk, tuple(after))
        return (stage, *place), jobs

    def _of(self, table: str, part: Runs, dataset: str, factor: Factor, method: str) -> Jobs:
        """Return the jobs behind one method of a table or figure on one long-tailed set."""
        jobs: dict[Key, Job] = {}
        for seed in part.seeds:
            if isinstance(part, TimesTable):
                self._add(jobs, self._timing(table, part, dataset, factor, method))
                continue
            stages = stages_of(self._config, method, part)
            after = tuple(
                self._add(jobs, self.stage(dataset, factor, method, seed, own)) for own in stages
            )
            costs, images = self._costs(dataset), self._images(dataset, factor)
            kind = part.kind if part.kind in MEASURED else "evaluate"
            estimate = costs.passing(images * MEASURED.get(part.kind, 1))
            key = (kind, dataset, folder(factor), method, f"seed{seed}")
            classes = load_dataset(self._config, dataset).classes
            disk = RECORD + (2 * classes**2 if kind == "evaluate" else 0)  # the confusion matrix
            jobs[key] = Job(costs.start, estimate, disk, after)
        return jobs

    def _timing(
        self, table: str, part: TimesTable, dataset: str, factor: Factor, method: str
    ) -> tuple[Key, dict[Key, Job]]:
        """Return a method's share of a job that times several, each step with its floor."""
        own = run_config(self._config, dataset, factor, method, 0, "pretrain")
        jobs: dict[Key, Job] = {}
        found = [need for need in own.settings.needs.values() if isinstance(need, CoresetOf)]
        after = [self._add(jobs, self._coreset(dataset, factor, need.coreset)) for need in found]
        after.append(self._add(jobs, self._store(dataset)))
        estimate, _ = self._training(own)
        steps = own.settings.epochs * self._images(dataset, factor) / own.settings.batch_size
        timed = 2 * (part.rounds + 1) * part.steps
        seconds = estimate.seconds * min(timed / steps, 1)
        key = ("times", dataset, folder(factor), method, table)
        jobs[key] = Job(0, estimate._replace(seconds=seconds), RECORD, tuple(after))
        return key, jobs

    def _coreset(self, dataset: str, factor: Factor, name: str) -> tuple[Key, dict[Key, Job]]:
        """Return a coreset's job, which is its proxy's training, if it has one."""
        own = coreset_config(self._config, dataset, factor, name)
        place = (dataset, folder(factor), name)
        jobs: dict[Key, Job] = {}
        after = [self._configure(place, jobs, dataset), self._add(jobs, self._store(dataset))]
        costs, images, proxy = (
            self._costs(dataset),
            self._images(dataset, factor),
            own.settings.proxy,
        )
        if proxy is None or own.data is None:
            estimate = costs.passing(0)
        else:
            estimate = costs.training(proxy, own.data, own.backbone, images, frozen=False)
        jobs["coreset", *place] = Job(costs.start, estimate, RECORD, tuple(after))
        return ("coreset", *place), jobs

    def _store(self, dataset: str) -> tuple[Key, dict[Key, Job]]:
        """Return the job that makes a dataset's store; its time is the network's."""
        own, costs = load_dataset(self._config, dataset), self._costs(dataset)
        images = sum(estimated_counts(NATURAL, own))
        pixels = own.image_size**2
        if own.store is not None:
            pixels = own.store.short_side * own.store.long_side
        disk = images * CHANNELS * pixels
        key = ("fetch", dataset)
        return key, {key: Job(costs.light_start, costs.passing(0), disk)}

    def _configure(self, place: Key, jobs: dict[Key, Job], dataset: str) -> Key:
        """Add the job that writes an effective configuration."""
        costs = self._costs(dataset)
        key = ("configure", *place)
        jobs[key] = Job(costs.light_start, costs.passing(0), RECORD)
        return key

    @staticmethod
    def _add(jobs: dict[Key, Job], found: tuple[Key, dict[Key, Job]]) -> Key:
        key, more = found
        jobs |= more
        return key

    def _training(self, own: RunConfig) -> tuple[Estimate, int]:
        """Return what a stage takes, and the bytes of its weights; seeds do not differ."""
        place = (own.dataset, folder(own.factor), own.method, own.stage)
        if place not in self._known:
            images = self._images(own.dataset, own.factor)
            frozen = own.stage == "finetune"
            costs = self._costs(own.dataset)
            estimate = costs.training(own.settings, own.data, own.backbone, images, frozen=frozen)
            self._known[place] = estimate, weights_bytes(own.settings, own.data, own.backbone)
        return self._known[place]

    def _costs(self, dataset: str) -> Costs:
        resources = load_dataset(self._config, dataset).resources
        return Costs(resources, self._calibrations.get(dataset))

    def _images(self, dataset: str, factor: Factor) -> int:
        split = self._splits / dataset / f"{folder(factor)}.csv"
        return training_images(split, factor, load_dataset(self._config, dataset))


def weights_bytes(settings: Training, data: Data, backbone: Backbone) -> int:
    """Return the bytes of the weights that a stage leaves: a backbone and what stands on it."""
    held, features = weights(backbone), backbone.features
    if isinstance(settings, Contrastive):
        hidden, embedding = settings.projection
        widths = [features, hidden, embedding] if hidden else [features, embedding]
        head = sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(widths))
        return FLOAT * (held + head)
    return FLOAT * (held + (features + 1) * data.classes)


def planned_jobs(jobs: Jobs) -> list[PlannedJob]:
    """Return jobs as the lines of their file."""
    return [
        PlannedJob(
            job=kind,
            of="/".join(place),
            start=job.start,
            seconds=job.work.seconds,
            memory_mb=job.work.memory_mb,
            device_mb=job.work.device_mb,
            disk_mb=job.disk / MEGABYTE,
            basis=job.work.basis,
        )
        for (kind, *place), job in jobs.items()
    ]


def together(rows: Sequence[Row]) -> dict[Key, Job]:
    """Return the jobs behind some rows, each once."""
    return {key: job for row in rows for key, job in row.jobs.items()}


def wall_clock(jobs: Jobs, at_once: int) -> float:
    """Return the seconds that jobs take, so many at a time, each as soon as what it needs is there.

    They begin in their order, and none is slower for running beside others.
    """
    left = {key: sum(own in jobs for own in job.after) for key, job in jobs.items()}
    followers = defaultdict(list)
    for key, job in jobs.items():
        for own in job.after:
            followers[own].append(key)
    ready = deque(key for key, count in left.items() if count == 0)
    running: list[tuple[float, Key]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < at_once:
            key = ready.popleft()
            heapq.heappush(running, (now + jobs[key].seconds, key))
        now, key = heapq.heappop(running)
        for follower in followers[key]:
            left[follower] -= 1
            if left[follower] == 0:
                ready.append(follower)
    return now
