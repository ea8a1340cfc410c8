"""A collection's results as a Workflow RO-Crate: one ZIP file of results, code and provenance.

Profile: https://w3id.org/workflowhub/workflow-ro-crate/1.0, which https://workflowhub.eu and
https://zenodo.org take. Imports no torch.
"""

from __future__ import annotations

import contextlib
import mimetypes
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from rocrate.model import ContextEntity, DataEntity
from rocrate.rocrate import ROCrate

from cogloat.errors import UserError
from cogloat.files import sha256, write_atomically
from cogloat.results.epoch_line import duration
from cogloat.results.metrics import Metrics
from cogloat.results.provenance import Stage

SNAKEFILE = Path("workflow/Snakefile")
CITATION = Path("CITATION.cff")
# the workflow, as it is
FILES = ("README.md", "LICENSE", "Makefile", "dvc.yaml", "pyproject.toml", str(CITATION))
FOLDERS = ("config", "containers", "docs", "requirements", "src", "workflow")
NO_CODE = (".pyc", ".sif")
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
RESULT = (".csv", ".md", ".html", ".png", ".pdf", ".rst", ".json")
TYPES = {".md": "text/markdown", ".smk": "text/x-python", ".yaml": "application/yaml"}
PLAIN = "text/plain"


def write_crate(path: Path, root: Path, collection: str, stages: Sequence[str]) -> None:
    """Write a collection's results with the code and the provenance of its runs, atomically.

    Weights and data are left out: they are large, and their hashes are in the provenance.

    Args:
        path: of the ZIP file.
        root: folder of the project; the crate has its paths.
        collection: a name in config/config.yaml.
        stages: names of the trainings behind it, such as digits/if100/ce/seed0/train.

    Raises:
        UserError: if a result is missing or damaged.
    """
    own = root / "results" / ("" if collection == "paper" else collection)
    shown = sorted(_results(own, deep=collection != "paper"))
    if not any(file.suffix == ".csv" for file in shown):
        raise UserError(
            f"{own}: there is no table. Make the collection by "
            f"`snakemake --config collection={collection}`."
        )
    files = [file.relative_to(root) for file in shown]
    with contextlib.chdir(root):
        crate = _described(collection)
        _add_all(crate, [*map(Path, FILES), *_code(), *files])
        crate.get("README.md")["about"] = crate.root_dataset
        trainings = [_add_stage(crate, stage) for stage in stages]
        crate.root_dataset["mentions"] = trainings if len(trainings) > 1 else trainings[0]
        for run in sorted({Path(stage).parent for stage in stages}):
            _add_run(crate, Path("results/runs") / run)
        write_atomically(path, lambda file: file.writelines(crate.stream_zip()))


def _described(collection: str) -> ROCrate:
    """Return a crate of the workflow's first file and of whose it is."""
    cited = yaml.safe_load(CITATION.read_text())
    crate = ROCrate(version="1.1")
    name = cited["authors"][0]["name"]
    author = crate.add(_entity(crate, f"#{name}", "Organization", name))
    licence = f"https://spdx.org/licenses/{cited['license']}"
    named = crate.add(_entity(crate, licence, "CreativeWork", cited["license"]))
    paper = cited["preferred-citation"]
    article = crate.add(_entity(crate, paper["url"], "ScholarlyArticle", paper["title"]))
    crate.name = f"{cited['title']}: results of the collection '{collection}'"
    crate.description = (
        f"Tables and figures of the collection '{collection}', the runs behind them with every "
        "setting, epoch and hash, and the workflow that made them. Weights and data are left out; "
        f"`make report` and the like make them again. Reproduces: {paper['title']}."
    )
    crate.root_dataset["license"] = named
    crate.root_dataset["author"] = author
    crate.root_dataset["publisher"] = author
    crate.root_dataset["citation"] = article
    about = {
        "name": cited["title"],
        "version": str(cited["version"]),
        "encodingFormat": PLAIN,
        "conformsTo": {"@id": BIOSCHEMAS},
    }
    main = crate.add_workflow(SNAKEFILE, SNAKEFILE, properties=about, main=True, lang="snakemake")
    main["license"], main["creator"] = named, author
    return crate


def _entity(crate: ROCrate, identifier: str, kind: str, name: str) -> ContextEntity:
    own = {"@type": kind, "name": name}
    return ContextEntity(crate, identifier.replace(" ", "-"), properties=own)


def _code() -> Iterator[Path]:
    """Yield the files of the workflow that are in folders, but for its first one."""
    for folder in FOLDERS:
        for file in sorted(Path(folder).rglob("*")):
            if file.is_file() and file.suffix not in NO_CODE and file != SNAKEFILE:
                yield file


def _results(folder: Path, *, deep: bool) -> Iterator[Path]:
    """Yield the files of a collection; `results` itself has the folders of others, too."""
    parts = [folder] if deep else [folder / "figures", folder / "times"]
    every: list[Path] = [] if deep else [*folder.glob("*")]
    for part in parts:
        every += part.rglob("*")
    return (file for file in every if file.suffix in RESULT and file.name != "report.html")


def _add(crate: ROCrate, file: Path) -> DataEntity:
    """Add a file, once, with its type, size and hash."""
    if (known := crate.get(file.as_posix())) is not None:
        return known
    if not file.is_file():
        by = "git restore" if file in map(Path, FILES) else "snakemake"
        raise UserError(f"{file}: missing. Get it by `{by} {file}`.")
    kind = TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or PLAIN
    own: dict[str, Any] = {"encodingFormat": kind, "name": file.as_posix(), "sha256": sha256(file)}
    return crate.add_file(file, file, properties=own, record_size=True)


def _add_all(crate: ROCrate, files: Iterable[Path]) -> list[DataEntity]:
    return [_add(crate, file) for file in files]


def _add_stage(crate: ROCrate, name: str) -> ContextEntity:
    """Add what a training was made of and what it left; return the training, which links them."""
    folder = Path("results/runs") / name
    dataset, imbalance, *_ = Path(name).parts
    split = Path("results/splits") / dataset / f"{imbalance}.csv"
    made_of = _add_all(crate, [folder / "config.json", split])
    left = _add_all(crate, [folder / "history.csv", folder / "provenance.json"])
    stage = Stage.read(folder / "provenance.json")
    devices = ", ".join(dict.fromkeys(process.device for process in stage.processes))
    precisions = ", ".join(dict.fromkeys(process.precision for process in stage.processes))
    return crate.add_action(
        crate.mainEntity,
        f"#train-{name}",
        object=made_of,
        result=left,
        properties={
            "name": f"Training of {name}",
            "description": f"{stage.epochs} epochs on {devices} in {precisions}: "
            f"{duration(stage.seconds)}. weights.pt has SHA-256 {stage.outputs.get('weights.pt')}.",
            "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
        },
    )


def _add_run(crate: ROCrate, folder: Path) -> None:
    """Add what was measured of a run, and say how accurate its classifier is."""
    _add_all(crate, sorted(file for file in folder.glob("*") if file.suffix in (".json", ".csv")))
    metrics = folder / "metrics.json"
    if metrics.is_file():
        accuracy = Metrics.read(metrics).accuracy
        crate.get(metrics.as_posix())["description"] = f"Test accuracy {accuracy:.2f} %"
