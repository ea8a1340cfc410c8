"""Read, merge and check the files of `config/`: what exists, and what each run is made with."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from cogloat.config.dataset import Data, Dataset
from cogloat.config.reading import Model, explain, holds, load, read_yaml, validate
from cogloat.config.types import StageName
from cogloat.errors import UserError, nearest
from cogloat.imbalance import Factor
from cogloat.methods.classifier.settings import Settings as Classifier
from cogloat.methods.rooms import settings_types
from cogloat.methods.settings import CoresetOf, Supervised, WeightsOf
from cogloat.methods.tsc.settings import TargetPoints
from cogloat.runs.collections import Workflow
from cogloat.runs.effective import CoresetConfig, RunConfig
from cogloat.runs.files import STAGES, Coreset, Method

Section = Literal["pretrain", "finetune", "train", "proxy"]


@cache
def load_workflow(config: Path) -> Workflow:
    """Read config/config.yaml and check that every name in it has its file.

    Raises:
        UserError: if a dataset, method or collection is unknown, or a file is not valid.
    """
    path = config / "config.yaml"
    workflow = load(Workflow, path)
    load_target_points(config)
    if workflow.collection not in workflow.collections:
        raise UserError(
            f"{path}: collection: '{workflow.collection}' is unknown. "
            f"{nearest(workflow.collection, workflow.collections)}"
        )
    for collection in workflow.collections.values():
        for part in collection.parts().values():
            runs = collection.runs_of(part)
            for dataset, method in itertools.product(runs.datasets, runs.methods):
                _check_method_on(config, dataset, method)
        for table in collection.tables.values():
            if table.printed is not None:
                printed_file(config, table.printed)
    return workflow


def as_workflow(config: Path, settings: dict[str, Any]) -> Workflow:
    """Return what config/config.yaml holds, with what Snakemake's command line changes in it.

    Raises:
        UserError: with the key, the value and the fix.
    """
    with contextlib.suppress(ValidationError):  # a number in a nested --config is text
        return Workflow.model_validate_json(json.dumps(settings), strict=False)
    return validate(Workflow, settings, {str(config / "config.yaml"): settings})


@cache
def load_method(config: Path, name: str) -> Method:
    """Read config/methods/<name>.yaml, with what it `extends` filled in."""
    return validate(Method, *_sections(config, "method", name))


@cache
def load_coreset(config: Path, name: str) -> Coreset:
    """Read config/coresets/<name>.yaml."""
    return load(Coreset, named_file(config, "coreset", name))


@cache
def load_target_points(config: Path) -> TargetPoints:
    """Read config/targets.yaml."""
    return load(TargetPoints, config / "targets.yaml")


@cache
def load_dataset(config: Path, name: str) -> Dataset:
    """Read config/datasets/<name>.yaml, with what it `extends` filled in."""
    dataset = validate(Dataset, *_sections(config, "dataset", name))
    known = [*STAGES, "proxy", *settings_types()]
    for section in dataset.overrides:
        if section not in known:
            raise UserError(
                f"{named_file(config, 'dataset', name)}: overrides: '{section}' is no stage and no "
                f"objective. {nearest(section, known)}"
            )
    return dataset


def named_file(config: Path, kind: Literal["dataset", "method", "coreset"], name: str) -> Path:
    """Return the file of a dataset, method or coreset.

    Raises:
        UserError: if there is none, with the nearest name there is.
    """
    folder = config / f"{kind}s"
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = [file.stem for file in folder.glob("*.yaml")]
        raise UserError(f"{kind} '{name}' is unknown: there is no {path}. {nearest(name, known)}")
    return path


def printed_file(config: Path, name: str) -> Path:
    """Return the file of a table's printed numbers.

    Raises:
        UserError: if there is none.
    """
    path = config / "paper" / f"{name}.csv"
    if not path.is_file():
        known = [file.stem for file in path.parent.glob("*.csv")]
        raise UserError(
            f"{config / 'config.yaml'}: printed: '{name}': there is no {path}. "
            f"{nearest(name, known)}"
        )
    return path


@cache
def run_config(
    config: Path, dataset: str, factor: Factor, method: str, seed: int, stage: StageName
) -> RunConfig:
    """Return the effective configuration of one stage of one run.

    The method's section is the base; what the dataset says under `overrides` replaces it.
    """
    data_file, method_file = (
        named_file(config, "dataset", dataset),
        named_file(config, "method", method),
    )
    data = load_dataset(config, dataset)
    own = load_method(config, method)
    if stage not in own.stages:
        raise UserError(f"{method_file}: has no stage '{stage}'. {nearest(stage, own.stages)}")
    raw, origins = _sections(config, "method", method)
    model = settings_types()[raw[stage]["objective"]]
    settings = _with_overrides(model, raw[stage], origins, data_file, data, stage)
    return RunConfig(
        dataset=dataset,
        factor=factor,
        method=method,
        seed=seed,
        stage=stage,
        data=_data(data_file, data, settings.augmentations),
        depth=data.depth,
        settings=settings,
    )


def coreset_config(config: Path, dataset: str, factor: Factor, coreset: str) -> CoresetConfig:
    """Return the effective configuration of one coreset of one long-tailed set."""
    data_file = named_file(config, "dataset", dataset)
    coreset_file = named_file(config, "coreset", coreset)
    data = load_dataset(config, dataset)
    settings = load_coreset(config, coreset)
    own = None
    if settings.proxy is not None:
        raw = read_yaml(coreset_file)
        origins = {str(coreset_file): raw}
        proxy = _with_overrides(Classifier, raw["proxy"], origins, data_file, data, "proxy")
        settings = settings.model_copy(update={"proxy": proxy})
        own = _data(data_file, data, proxy.augmentations)
    return CoresetConfig(
        dataset=dataset,
        factor=factor,
        coreset=coreset,
        data=own,
        depth=data.depth,
        settings=settings,
    )


def _check_method_on(config: Path, dataset: str, method: str) -> None:
    for stage in load_method(config, method).stages:
        for name, need in run_config(config, dataset, 1, method, 0, stage).settings.needs.items():
            if isinstance(need, CoresetOf):
                coreset_config(config, dataset, 1, need.coreset)
            if isinstance(need, WeightsOf):
                _check_classifier(config, f"{method}.yaml: {stage}: its {name}", need)


def _check_classifier(config: Path, what: str, need: WeightsOf) -> None:
    """Refuse a method that does not leave the classifier that another one needs."""
    section = load_method(config, need.method).train
    if not isinstance(section, Supervised) or section.head_kind != need.head:
        raise UserError(
            f"{config / 'methods'}/{what}: '{need.method}' is not a one-stage method with a "
            f"{need.head} classifier. Name one that is, such as 'ce'."
        )


@cache
def _sections(
    config: Path, kind: Literal["dataset", "method"], name: str, below: tuple[str, ...] = ()
) -> tuple[Any, dict[str, Any]]:
    """Return a file's sections, merged over those of what it extends, and who gave them."""
    file = named_file(config, kind, name)
    own = read_yaml(file)
    if not isinstance(own, dict) or "extends" not in own:
        return own, {str(file): own}
    above = own["extends"]
    if above in (name, *below) or not isinstance(above, str):
        raise UserError(f"{file}: extends: '{above}' is no file above this one. Name another.")
    base, origins = _sections(config, kind, above, (name, *below))
    added = {key: value for key, value in own.items() if key != "extends"}
    return _merge(base, added), {str(file): added, **origins}


def _with_overrides(
    model: type[Model],
    section: Any,
    origins: Mapping[str, Any],
    data_file: Path,
    data: Dataset,
    stage: Section,
) -> Model:
    """Merge a dataset's overrides, the objective's over the stage's, over a method's section."""
    names = [section["objective"], stage]
    overrides = {name: data.overrides[name] for name in names if name in data.overrides}
    prefixed = {str(data_file): {"overrides": overrides}, **origins}
    merged = functools.reduce(_merge, reversed(overrides.values()), section)
    try:
        return model.model_validate_json(json.dumps(merged, default=str))
    except ValidationError as error:
        problems = []
        for problem in error.errors():
            holders = [name for name in overrides if holds(overrides[name], problem["loc"])]
            prefix = ("overrides", holders[0]) if holders else (stage,)
            problems.append(explain(problem, (*prefix, *problem["loc"]), prefixed))
        raise UserError("\n".join(problems)) from None


def _merge(base: Any, override: Any) -> Any:
    """Replace what `override` names; a section of another `kind` is replaced whole."""
    if not (isinstance(base, dict) and isinstance(override, dict)):
        return override
    if override.get("kind", base.get("kind")) != base.get("kind"):
        return override
    return base | {
        key: _merge(base[key], value) if key in base else value for key, value in override.items()
    }


def _data(file: Path, data: Dataset, roles: tuple[str, ...]) -> Data:
    for role in roles:
        if role not in data.augmentations:
            raise UserError(
                f"{file}: augmentations: there is no '{role}'. {nearest(role, data.augmentations)}"
            )
    recipes = {role: data.augmentations[role] for role in roles}
    return Data(
        classes=data.classes,
        image_size=data.image_size,
        mean=data.mean,
        std=data.std,
        augmentations={role: data.recipes[recipe] for role, recipe in recipes.items()},
        recipes=recipes,
        validation=data.validation,
    )
