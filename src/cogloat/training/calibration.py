"""What each kind of work costs on this machine, measured on random images within a given time."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import statistics
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from cogloat.checkpoint import save_checkpoint
from cogloat.config.dataset import Dataset, Slots
from cogloat.config.types import HeadName
from cogloat.coreset.glister import coreset_budgets
from cogloat.data.imageset import ImageSet, load_training_set
from cogloat.data.longtail import write_split
from cogloat.data.store import CHANNELS, HELD, Array, Images, end_store, write_array, write_store
from cogloat.errors import UserError
from cogloat.files import sha256
from cogloat.imbalance import Factor, folder
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Recordable
from cogloat.methods.rooms import build
from cogloat.methods.settings import CoresetOf, FileAt, Need, WeightsOf
from cogloat.models.inference import BATCH, outputs
from cogloat.models.networks import Classifier, to_device
from cogloat.randomness import seeded_globally
from cogloat.results.calibration import Work
from cogloat.runs.cost import estimated_counts
from cogloat.runs.effective import RunConfig
from cogloat.runs.load import load_coreset
from cogloat.training.graphs import UNTIMED, steps_of
from cogloat.training.machine import Machine
from cogloat.training.sgd import Sgd

# Epochs that are looked at, spread evenly over a training. Where steps change during it, as by a
# method that does something else in the last fifth, the mean of so many shows it.
FEWEST, FEWEST_CHANGING, MOST = 3, 10, 30
IN_A_ROW = 3  # steps of a GPU: while it takes one, the host prepares the next
PASSES, PASSED = 4, 2 * BATCH  # over the images of a test set: how often, and over how many
MEGABYTE = 2**20


class StandIn:
    """The files of a long-tailed set of random images, its classes as large as they will be."""

    def __init__(self, root: Path, config: Path, dataset: Dataset, factor: Factor) -> None:
        """Write the images and the split.

        Args:
            root: an empty folder.
            config: folder of the configuration.
            dataset: whose place they take.
            factor: how it is long-tailed.
        """
        self._root, self._config, self._dataset = root, config, dataset
        self._counts = estimated_counts(factor, dataset)
        self._labels_N = np.repeat(np.arange(dataset.classes), self._counts)
        self.store, self.split = root / "store", root / "split.csv"
        names = [str(label) for label in range(dataset.classes)]
        if dataset.store is not None:
            _write_blank(self.store, dataset.store, self._labels_N, names)
        else:
            side = dataset.image_size
            shape = (len(self._labels_N), CHANNELS, side, side)
            images_NCHW = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
            write_store(self.store, {"train": Images(images_NCHW, self._labels_N)}, names)
        self._write_subset(self.split, self._counts)

    def inputs(self, own: RunConfig, machine: Machine) -> Inputs:
        """Return what a stage would be given.

        Raises:
            UserError: if the graph has not yet made a file that the stage needs.
        """
        files = {name: self._needed(own, need) for name, need in own.settings.needs.items()}
        if own.stage == "finetune":
            files["encoder"] = self._weights("linear")
        return Inputs(
            data=own.data,
            backbone=own.backbone,
            training=self.images(own, machine),
            device=machine.device,
            seed=own.seed,
            store=self.store,
            split=self.split,
            files=files,
        )

    def images(self, own: RunConfig, machine: Machine) -> ImageSet:
        """Return the training set."""
        return load_training_set(self.store, self.split, own.data, machine.device)

    def _needed(self, own: RunConfig, need: Need) -> Path:
        match need:
            case CoresetOf(name):
                coreset, path = load_coreset(self._config, name), self._root / f"{name}.csv"
                budgets = coreset_budgets(self._counts, coreset.fraction, coreset.floor)
                self._write_subset(path, budgets)
                return path
            case WeightsOf(_, head):
                return self._weights(head)
            case FileAt(path):
                names = own.model_dump(include={"dataset", "method", "seed"})
                names |= {"imbalance": folder(own.factor), "classes": own.data.classes}
                return Path(path.format(**names))

    def _weights(self, head: HeadName) -> Path:
        path = self._root / f"{head}.pt"
        network = Classifier(self._dataset.backbone, self._dataset.classes, head)
        save_checkpoint(path, network.state_dict())
        return path

    def _write_subset(self, path: Path, sizes: list[int]) -> None:
        """Write the first images of each class."""
        starts = np.cumsum([0, *self._counts[:-1]])
        pairs = zip(starts, sizes, strict=True)
        indices_M = np.concatenate([start + np.arange(size) for start, size in pairs])
        write_split(path, indices_M, self._labels_N[indices_M])


def _write_blank(
    folder: Path, slots: Slots, labels_N: NDArray[np.int64], names: Sequence[str]
) -> None:
    """Write a store of black images of 4:3 in slots, as large as the real one.

    It takes no space where files may have holes. What a real disk costs is not measured.
    """
    path = folder / "train_images.npy"
    shape = (len(labels_N), CHANNELS, slots.short_side, slots.long_side)
    folder.mkdir(parents=True, exist_ok=True)
    array = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    held = array.nbytes <= HELD  # what is larger is not held against its hash
    described = {path.name: Array(shape=shape, sha256=sha256(path) if held else None)}
    frame = (slots.short_side, slots.short_side * 4 // 3, 0)
    frames_N3 = np.tile(np.array(frame, np.int32), (len(labels_N), 1))
    described |= write_array(folder / "train_sizes.npy", frames_N3)
    described |= write_array(folder / "train_labels.npy", labels_N)
    end_store(folder, described, names)


def measure_all(
    works: Mapping[str, RunConfig], stand_in: StandIn, machine: Machine, seconds: float
) -> dict[str, Work]:
    """Measure kinds of work in their order, until the time is over.

    Args:
        works: kind -> a stage that does it.
        stand_in: what they are trained on.
        machine: device and precision.
        seconds: that may be used. What would take longer than is left is passed over.

    Returns:
        What was measured; the reason why another kind was not is on standard error.
    """
    ends = time.monotonic() + seconds
    measured: dict[str, Work] = {}
    with tqdm(works.items(), desc="calibrating", disable=None) as bar:
        for number, (kind, own) in enumerate(bar):
            left = ends - time.monotonic()
            name = f"{own.method}/{own.stage}"
            if left < _expected(own, measured, machine):
                print(f"{name}: not measured, {max(left, 0):.0f} s are left", file=sys.stderr)
                continue
            try:
                inputs = stand_in.inputs(own, machine)
                measured[kind] = _measure(own, inputs, machine, left / (len(works) - number))
            except UserError as error:
                print(f"{name}: not measured: {error}", file=sys.stderr)
    return measured


def inference_seconds(own: RunConfig, images: ImageSet, machine: Machine) -> float:
    """Return what a pass over the test set takes an image."""
    network = Classifier(own.backbone, own.data.classes, "linear")
    to_device(network, machine.device)
    some = images.some(torch.arange(min(PASSED, len(images))))
    timed = [_seconds(machine, lambda: outputs(network, some, own.data)) for _ in range(PASSES)]
    return statistics.median(timed[1:]) / len(some)


def _passes(own: RunConfig) -> float:
    return 1 if own.stage == "finetune" else own.settings.passes


def _fewest(own: RunConfig) -> int:
    return FEWEST if own.settings.steady else FEWEST_CHANGING


def _expected(own: RunConfig, measured: Mapping[str, Work], machine: Machine) -> float:
    """Return about how long measuring takes, by what was measured; 0 before anything was."""
    rates = [work.step / (work.batch_size * work.passes) for work in measured.values()]
    steps = 1 + (1 + _fewest(own)) * _steps(machine)
    images = steps * own.settings.batch_size * _passes(own)
    return images * statistics.median(rates) if rates else 0


def _steps(machine: Machine) -> int:
    """Return how many are taken to time one."""
    return 1 if machine.device.type == "cpu" else 1 + IN_A_ROW


class _Training:
    """A stage in training, one step of an epoch at a time."""

    def __init__(self, own: RunConfig, inputs: Inputs, machine: Machine) -> None:
        """Build the objective as its training does."""
        with seeded_globally(own.seed, "initialise", own.stage):
            self._objective = build(own.settings, inputs)
        self._optimizer = Sgd(self._objective.parameters(), own.settings.optimizer)
        self._batch_size, self._machine = own.settings.batch_size, machine
        self._take, self._met = steps_of(machine), set[Hashable]()

    def begin(self, epoch: int) -> None:
        """Begin an epoch."""
        self._positions_B = self._objective.order(epoch)[: self._batch_size]
        self._objective.train()
        self._objective.start_epoch(epoch)

    def step(self, epoch: int) -> None:
        """Take its first step."""
        where = self._positions_B, epoch, 0
        self._take(self._objective, self._optimizer, self._machine, *where)

    def timed(self, epoch: int) -> tuple[float, float]:
        """Return the seconds of both; of a GPU's step, among others."""
        began = _seconds(self._machine, lambda: self.begin(epoch))
        if self._machine.device.type == "cpu":
            return began, _seconds(self._machine, lambda: self.step(epoch))
        return began, self._seconds_among_others(epoch)

    def _seconds_among_others(self, epoch: int) -> float:
        """Return what a step takes while the host prepares the next, recorded if steps are."""
        own = self._objective
        phase = own.phase(epoch) if isinstance(own, Recordable) else None
        if phase not in self._met:
            self._met.add(phase)
            for _ in range(UNTIMED):
                self.step(epoch)
        before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        self.step(epoch)
        before.record()
        for _ in range(IN_A_ROW):
            self.step(epoch)
        after.record()
        _wait(self._machine)
        return before.elapsed_time(after) / 1000 / IN_A_ROW


def _measure(own: RunConfig, inputs: Inputs, machine: Machine, seconds: float) -> Work:
    """Measure one kind of work in about so many seconds, or as long as the fewest steps take.

    Raises:
        UserError: if an input is missing, or there are fewer images than a batch.
    """
    settings, images = own.settings, len(inputs.training)
    if settings.drop_last and images < settings.batch_size:
        raise UserError(f"a batch has {settings.batch_size} of {images} images")
    with _peaks(machine) as peaks:
        started = time.perf_counter()
        training = _Training(own, inputs, machine)
        training.begin(0)
        training.step(0)
        _wait(machine)
        ready = time.perf_counter() - started
        once = sum(training.timed(1))
        count = min(max(int(seconds / (once * _steps(machine))), _fewest(own)), MOST)
        epochs = [int((number + 0.5) / count * settings.epochs) for number in range(count)]
        refreshes, steps = zip(*(training.timed(max(epoch, 1)) for epoch in epochs), strict=True)
    typical = statistics.median if settings.steady else statistics.fmean
    return Work(
        measured_on=f"{own.method}/{own.stage}",
        passes=_passes(own),
        batch_size=settings.batch_size,
        images=images,
        ready=max(ready - once, 0),
        refresh=statistics.median(refreshes),
        step=typical(steps),
        memory_mb=peaks["memory"],
        device_mb=peaks["device"],
    )


def _seconds(machine: Machine, action: Callable[[], object]) -> float:
    """Return how long an action takes, with all that it has a GPU do."""
    _wait(machine)
    started = time.perf_counter()
    action()
    _wait(machine)
    return time.perf_counter() - started


def _wait(machine: Machine) -> None:
    if machine.device.type == "cuda":
        torch.cuda.synchronize(machine.device)


@contextlib.contextmanager
def _peaks(machine: Machine) -> Iterator[dict[str, int]]:
    """Say after the block how many megabytes it had at most, of main memory and of the GPU's.

    Memory that earlier work left is given back first. Where the system cannot start counting anew,
    as only Linux can, the peak is the process's.
    """
    peaks: dict[str, int] = {}
    cuda = machine.device.type == "cuda"
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(machine.device)
    yield peaks
    peaks["memory"] = _peak_memory()
    peaks["device"] = torch.cuda.max_memory_reserved(machine.device) // MEGABYTE if cuda else 0


def _peak_memory() -> int:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
