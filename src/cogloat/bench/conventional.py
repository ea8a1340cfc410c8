"""Momentum contrast as it is commonly written, to be held against ours: a process of its own.

Written from He et al. 2020, Kang et al. 2021 and the paper: images as PIL's, augmented one by one
in a DataLoader; a pass of the key encoder a view; float32 in the layout NCHW; parameters moved in a
loop; torch.optim.SGD; a loss that is read in every step. It is in another process because how freed
memory is kept is a process's: here as the system does.
"""

from __future__ import annotations

import copy
import multiprocessing
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.functional import to_pil_image

from cogloat.bench.peers import torchvision_transform
from cogloat.bench.scene import SEED, Scene
from cogloat.data.imageset import ImageSet
from cogloat.errors import UserError
from cogloat.methods.moco.settings import MomentumContrast
from cogloat.methods.moco.temperature import class_temperatures
from cogloat.models.networks import build_encoder
from cogloat.models.normalisation import grouped

READY = "ready"


@contextmanager
def conventional_step(scene: Scene, method: str) -> Iterator[Callable[[], object]]:
    """Give what takes a step in a process of its own, which has taken its first.

    Raises:
        UserError: if the method is no momentum contrast.
    """
    if not isinstance(scene.stage(method, scene.bench.batch_size).settings, MomentumContrast):
        raise UserError(f"{method}.conventional: it is written for momentum contrast alone.")
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(theirs, scene, method), daemon=True)
    process.start()
    theirs.close()

    def step() -> None:
        ours.send(READY)
        ours.recv()

    try:
        step()
        yield step
    finally:
        ours.close()
        process.join()


def _serve(connection: Connection, scene: Scene, method: str) -> None:
    """Take a step whenever one is asked for."""
    torch.set_num_threads(scene.threads)
    random.seed(SEED)
    torch.manual_seed(SEED)
    training = Training(scene, method)
    try:
        while connection.recv():
            training.step()
            connection.send(READY)
    except EOFError:
        return


class Views(Dataset):
    """An image's two views and one of each of k others of its class, and its label."""

    def __init__(self, images: ImageSet, transform: Callable[..., Tensor], k: int) -> None:
        assert isinstance(images.images_NCHW, Tensor)  # of small images
        self.images = [to_pil_image(pixels) for pixels in images.images_NCHW]
        self.labels = images.labels_N.tolist()
        self.of_class: dict[int, list[int]] = {}
        for position, label in enumerate(self.labels):
            self.of_class.setdefault(label, []).append(position)
        self.transform, self.k = transform, k

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        label = self.labels[position]
        others = random.choices(self.of_class[label], k=self.k)
        shown = [position, position, *others]
        return torch.stack([self.transform(self.images[own]) for own in shown]), label


class Training:
    """Networks, queue, optimizer and data."""

    def __init__(self, scene: Scene, method: str) -> None:
        config = scene.stage(method, scene.bench.batch_size)
        settings, images = config.settings, scene.inputs(config).training
        assert isinstance(settings, MomentumContrast)
        self.settings = settings
        self.query = build_encoder(
            config.backbone, settings.projection, grouped(settings.groups), settings.init
        )
        self.key = copy.deepcopy(self.query)
        for parameter in self.key.parameters():
            parameter.requires_grad = False
        self.queue = F.normalize(torch.randn(settings.queue, settings.projection[1]), dim=1)
        self.labels = torch.randint(0, config.data.classes, (settings.queue,))
        self.pointer = 0
        self.temperatures = class_temperatures(images.counts_C, settings.temperature)
        optimizer = settings.optimizer
        self.optimizer = torch.optim.SGD(
            self.query.parameters(),
            lr=optimizer.lr,
            momentum=optimizer.momentum,
            weight_decay=optimizer.weight_decay,
        )
        transform = torchvision_transform(settings.augmentation, config.data)
        views = Views(images, transform, settings.positives.from_dataset)
        self.loader = DataLoader(views, settings.batch_size, shuffle=True, drop_last=True)
        self.batches = iter(self.loader)

    def step(self) -> float:
        """Train on the next batch; return its loss."""
        views, labels = self._next()
        query = self.query(views[:, 0])
        with torch.no_grad():
            momentum = self.settings.key_momentum
            for key, moved in zip(self.key.parameters(), self.query.parameters(), strict=True):
                key.data = key.data * momentum + moved.data * (1 - momentum)
            shuffle = torch.randperm(len(labels))
            back = shuffle.argsort()
            keys = torch.stack(
                [self.key(view[shuffle])[back] for view in views[:, 1:].unbind(dim=1)], dim=1
            )
        loss = self._loss(query, keys, labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        end = self.pointer + len(labels)
        self.queue[self.pointer : end], self.labels[self.pointer : end] = keys[:, 0], labels
        self.pointer = end % len(self.queue)
        return loss.item()

    def _next(self) -> tuple[Tensor, Tensor]:
        batch = next(self.batches, None)
        if batch is None:
            self.batches = iter(self.loader)
            batch = next(self.batches)
        return batch[0], batch[1]

    def _loss(self, query: Tensor, keys: Tensor, labels: Tensor) -> Tensor:
        """Return eq. 1's loss, or KCL's with its positives from the queue."""
        temperature = self.temperatures[labels].view(-1, 1)
        own = torch.einsum("bd,bpd->bp", query, keys) / temperature
        queue = query @ self.queue.T / temperature
        wanted = self.settings.positives.from_queue
        if wanted == "none":
            first = torch.zeros(len(labels), dtype=torch.long)
            losses = [
                F.cross_entropy(torch.cat([own[:, j : j + 1], queue], dim=1), first)
                for j in range(own.shape[1])
            ]
            return torch.stack(losses).mean()
        log_p = F.log_softmax(torch.cat([own, queue], dim=1), dim=1)
        same = (labels[:, None] == self.labels).float()
        chosen = torch.multinomial(same + 1e-9, int(wanted))
        mask = torch.zeros_like(same).scatter(1, chosen, 1.0) * same
        mask = torch.cat([torch.ones_like(own), mask], dim=1)
        return -((mask * log_p).sum(dim=1) / mask.sum(dim=1)).mean()
