"""Read, merge and check the files of `config/`: what exists, and what each run is made with."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from cogloat.config import schema
from cogloat.config.parse import Model, explain, holds, load, read_yaml, validate
from cogloat.config.workflow import Workflow
from cogloat.errors import UserError, nearest
from cogloat.models.kinds import classifier_kind


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
    for method in (workflow.figures.reference, workflow.figures.adaptive):
        load_method(config, method)
    for collection in workflow.collections.values():
        for grid in collection.grids().values():
            for dataset, method in itertools.product(grid.datasets, grid.methods):
                _check_method_on(config, dataset, method)
    return workflow


def as_workflow(config: Path, settings: dict[str, Any]) -> Workflow:
    """Return what config/config.yaml holds, with what Snakemake's command line changes in it.

    Raises:
        UserError: with the key, the value and the fix.
    """
    return validate(Workflow, settings, {str(config / "config.yaml"): settings})


@cache
def load_method(config: Path, name: str) -> schema.Method:
    """Read config/methods/<name>.yaml, with what it `extends` filled in."""
    raw, origins = _method_sections(config, name)
    return validate(schema.Method, raw, origins)


@cache
def load_coreset(config: Path, name: str) -> schema.Coreset:
    """Read config/coresets/<name>.yaml."""
    return load(schema.Coreset, named_file(config, "coreset", name))


@cache
def load_target_points(config: Path) -> schema.TargetPoints:
    """Read config/targets.yaml."""
    return load(schema.TargetPoints, config / "targets.yaml")


@cache
def load_named_dataset(config: Path, name: str) -> schema.Dataset:
    """Read config/datasets/<name>.yaml."""
    return load(schema.Dataset, named_file(config, "dataset", name))


def named_file(config: Path, kind: str, name: str) -> Path:
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


@cache
def run_config(
    config: Path, dataset: str, factor: int, method: str, seed: int, stage: schema.StageName
) -> schema.RunConfig:
    """Return the effective configuration of one stage of one run.

    The method's section is the base; what the dataset says under `overrides` replaces it.
    """
    data_file, method_file = (
        named_file(config, "dataset", dataset),
        named_file(config, "method", method),
    )
    data = load_named_dataset(config, dataset)
    own = load_method(config, method)
    if stage not in own.stages:
        raise UserError(f"{method_file}: has no stage '{stage}'. {nearest(stage, own.stages)}")
    raw, origins = _method_sections(config, method)
    model = schema.OBJECTIVES[raw[stage]["objective"]]
    settings = _with_overrides(model, raw[stage], origins, data_file, data, stage)
    return schema.RunConfig(
        dataset=dataset,
        factor=factor,
        method=method,
        seed=seed,
        stage=stage,
        data=_data(data_file, data, settings.augmentations),
        depth=data.depth,
        settings=settings,
    )


def coreset_config(config: Path, dataset: str, factor: int, coreset: str) -> schema.CoresetConfig:
    """Return the effective configuration of one coreset of one long-tailed set."""
    data_file = named_file(config, "dataset", dataset)
    coreset_file = named_file(config, "coreset", coreset)
    data = load_named_dataset(config, dataset)
    settings = load_coreset(config, coreset)
    if settings.proxy is not None:
        raw = read_yaml(coreset_file)
        origins = {str(coreset_file): raw}
        model = schema.Classification
        proxy = _with_overrides(model, raw["proxy"], origins, data_file, data, "proxy")
        settings = settings.model_copy(update={"proxy": proxy})
    return schema.CoresetConfig(
        dataset=dataset,
        factor=factor,
        coreset=coreset,
        data=None
        if settings.proxy is None
        else _data(data_file, data, settings.proxy.augmentations),
        depth=data.depth,
        settings=settings,
    )


def _check_method_on(config: Path, dataset: str, method: str) -> None:
    for stage in load_method(config, method).stages:
        settings = run_config(config, dataset, 1, method, 0, stage).settings
        if isinstance(settings, schema.Prototypical):
            coreset_config(config, dataset, 1, settings.prototypes.coreset)
        if isinstance(settings, schema.Translating):
            _check_generator(config, method, settings.translation.generator)


def _check_generator(config: Path, method: str, generator: str) -> None:
    """Refuse a g whose bounded scores could never reach M2m's confidence."""
    section = load_method(config, generator).train
    if not isinstance(section, schema.Classification) or classifier_kind(section) != "linear":
        raise UserError(
            f"{named_file(config, 'method', method)}: train.translation.generator: '{generator}' "
            "is not a one-stage method with a linear classifier. Name one that is, such as 'ce'."
        )


@cache
def _method_sections(config: Path, name: str) -> tuple[Any, dict[str, Any]]:
    """Return a method's sections, merged over those of what it extends, and who gave them."""
    file = named_file(config, "method", name)
    own = read_yaml(file)
    if not isinstance(own, dict) or "extends" not in own:
        return own, {str(file): own}
    base, origins = _method_sections(config, own["extends"])
    added = {key: value for key, value in own.items() if key != "extends"}
    return _merge(base, added), {str(file): added, **origins}


def _with_overrides(
    model: type[Model],
    section: Any,
    origins: Mapping[str, Any],
    data_file: Path,
    data: schema.Dataset,
    stage: Literal["pretrain", "finetune", "train", "proxy"],
) -> Model:
    """Merge a dataset's overrides, the objective's over the stage's, over a method's section."""
    names: list[schema.OverrideName] = [section["objective"], stage]
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


def _data(file: Path, data: schema.Dataset, augmentations: tuple[str, ...]) -> schema.Data:
    for name in augmentations:
        if name not in data.augmentations:
            raise UserError(
                f"{file}: augmentations: there is no '{name}'. {nearest(name, data.augmentations)}"
            )
    return schema.Data(
        classes=data.classes,
        image_size=data.image_size,
        mean=data.mean,
        std=data.std,
        augmentations={name: data.augmentations[name] for name in augmentations},
    )
