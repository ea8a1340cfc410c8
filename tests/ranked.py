r"""Steps of every method that ranks can share, by this rank: what is left of them, in a file.

It is one of several processes that `spawned` starts, or the only one.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "src"))

import torch
from every_method import BATCH, STAGES, Training, training

from cogloat import ranks
from cogloat.data.augmentation import Augmentation
from cogloat.methods import rooms
from cogloat.methods.supervised import SupervisedObjective
from cogloat.models import inference
from cogloat.runs.load import run_config

GROUPS = 4
STEPS = 3
LAST = 13  # images of a last batch that is not whole: groups of 4, 3, 3 and 3
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{method: (method, {}) for method in STAGES},
    "kcl, prefilled": ("kcl", {"queue_prefill": True, "epoch": 0}),
    "cogloat, keys of batch and queue": ("cogloat", {"negatives": "both"}),
    "cogloat, one view a pass": ("cogloat", {"joint_views": False}),
}


def distributed(method: str) -> bool:
    """Say whether several processes can train a method."""
    config = run_config(
        Path(__file__).parents[1] / "config", "cifar10", 100, method, 0, STAGES[method]
    )
    return rooms.settings_types()[config.settings.objective].distributed


SHARED = [case for case, (method, _) in CASES.items() if distributed(method)]


def in_double(put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Have everything computed in float64, where the code says float32 too.

    Args:
        put: what sets an attribute.
    """
    torch.set_default_dtype(torch.float64)
    put(torch.Tensor, "float", torch.Tensor.double)
    for owner, name in ((Augmentation, "__call__"), (inference, "evaluation_transform")):
        put(owner, name, _doubled(getattr(owner, name)))


def _doubled(made: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    return lambda *given: made(*given).double()


def left_by(own: Training) -> dict[str, Any]:
    """Take some steps; return what was logged, the last gradients, the state and its accuracy."""
    logged = [
        own.step(number, LAST if number == 1 and _may_be_smaller(own) else BATCH)
        for number in range(STEPS)
    ]
    return {
        "logged": [{name: value.detach().cpu() for name, value in one.items()} for one in logged],
        "gradients": {
            name: weight.grad.cpu()
            for name, weight in own.optimizer.weights.items()
            if weight.grad is not None
        },
        "state": own.state(),
        "row": own.objective.end_epoch(own.epoch),
    }


def _may_be_smaller(own: Training) -> bool:
    """Say whether a last batch that is not whole can be trained on."""
    return isinstance(own.objective, SupervisedObjective) and not hasattr(own.objective, "queue")


def main() -> None:
    folder, dtype, kind = Path(sys.argv[1]), *sys.argv[2:]
    device = torch.device("cuda", ranks.local_rank()) if kind == "cuda" else torch.device("cpu")
    torch.set_num_threads(1)
    if dtype == "float64":
        in_double()
    torch.set_deterministic_debug_mode("error")
    own = ranks.join(device)
    left = {}
    for case in SHARED:
        method, changes = CASES[case]
        rank_folder = folder / f"{own.size}-{own.rank}"
        rank_folder.mkdir(parents=True, exist_ok=True)
        made = training(
            method, rank_folder, device, ranks=own, plain=True, groups=GROUPS, **changes
        )
        left[case] = left_by(made)
    torch.save(left, folder / f"{own.size}-{own.rank}-{dtype}.pt")


def spawned(
    folder: Path, sizes: list[int], dtype: str, kind: str = "cpu"
) -> dict[int, list[dict[str, Any]]]:
    """Run this file once for each rank of each size; return what every rank left."""
    for size in sizes:
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        shared = {"WORLD_SIZE": size, "MASTER_ADDR": "localhost", "MASTER_PORT": port}
        processes = [
            subprocess.Popen(
                [sys.executable, __file__, folder, dtype, kind],
                env=os.environ | {name: str(value) for name, value in one.items()},
            )
            for one in ({**shared, "RANK": rank, "LOCAL_RANK": rank} for rank in range(size))
        ]
        assert [process.wait() for process in processes] == [0] * size
    return {
        size: [torch.load(folder / f"{size}-{rank}-{dtype}.pt") for rank in range(size)]
        for size in sizes
    }


if __name__ == "__main__":
    main()
