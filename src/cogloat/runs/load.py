"""Read, merge and check the files of `config/`: what exists, and what each run is made with."""

from __future__ import annotations

import functools
import itertools
import json
import string
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from cogloat.config.augmentation import check_fits
from cogloat.config.backbone import Backbone
from cogloat.config.dataset import Data, Dataset
from cogloat.config.reading import Model, explain, holds, keys_of, load, validate
from cogloat.config.types import StageName
from cogloat.errors import UserError, nearest
from cogloat.imbalance import Factor, from_folder
from cogloat.methods.classifier.settings import Settings as Classifier
from cogloat.methods.rooms import settings_types
from cogloat.methods.settings import CoresetOf, FileAt, Supervised, Training, WeightsOf
from cogloat.methods.tsc.settings import TargetPoints
from cogloat.readers.documents import plain, read_document
from cogloat.runs.collections import Collection, ReadingsFigure, Runs, Workflow
from cogloat.runs.effective import CoresetConfig, RunConfig
from cogloat.runs.files import STAGES, Coreset, Expectation, Method
from cogloat.runs.grids import check_runs
from cogloat.runs.named import (
    Kind,
    extendable,
    named_file,
    names,
    printed_file,
)

FILLED = {"dataset", "imbalance", "method", "seed", "classes"}  # in the path of a FileAt
OWN = {"expect"}  # of a file alone: what extends it does not have it
Section = Literal["pretrain", "finetune", "train", "proxy"]


@cache
def load_workflow(config: Path) -> Workflow:
    """Read config/config.yaml and check every file behind it.

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
    _check_collections(config, workflow)
    return workflow


def as_workflow(config: Path, settings: dict[str, Any]) -> Workflow:
    """Return what config/config.yaml holds, with what Snakemake's command line changes in it.

    Raises:
        UserError: with the key, the value and the fix.
    """
    path = config / "config.yaml"
    settings = plain(settings, path)
    origins = {str(path): settings}
    # a number in a nested --config is text
    workflow = validate(Workflow, settings, origins, strict=False)
    _check_collections(config, workflow)
    return workflow


def asked_collection(config: Path, name: str | None) -> tuple[str, Collection]:
    """Return the collection that a script's --collection names, by default config.yaml's own.

    Raises:
        UserError: if it is unknown.
    """
    workflow = load_workflow(config)
    name = name or workflow.collection
    if name not in workflow.collections:
        raise UserError(f"--collection: '{name}' is unknown. {nearest(name, workflow.collections)}")
    return name, workflow.collections[name]


@cache
def load_method(config: Path, name: str) -> Method:
    """Read config/methods/<name>.yaml, with what it `extends` filled in."""
    method = validate(Method, *_sections(config, "method", name))
    if method.encoder is not None:
        place = f"{named_file(config, 'method', name)}: encoder"
        _check_named(config, place, "method", method.encoder)
        if "pretrain" not in _sections(config, "method", method.encoder)[0]:
            raise UserError(
                f"{place}: '{method.encoder}' has no section 'pretrain' of its own. Name a method "
                "that has one, such as 'kcl'."
            )
    return method


def method_of(config: Path, name: str, stage: StageName) -> str:
    """Return the method in whose folder a stage of a method is: its own, or its encoder's."""
    encoder = load_method(config, name).encoder
    return name if encoder is None or stage != "pretrain" else encoder


def expectations(config: Path, methods: Iterable[str]) -> dict[str, dict[str, Expectation]]:
    """Return what to expect: method -> dataset and imbalance, such as cifar10_if100 -> accuracy.

    Args:
        config: folder of the configuration.
        methods: whose; nothing may be known of one.

    Raises:
        UserError: if there is no such method, its file is not valid, or it expects something of
            what is no long-tailed set.
    """
    expected = {method: load_method(config, method).expect for method in methods}
    for method, own in expected.items():
        for key in own:
            _check_expected(config, named_file(config, "method", method), key)
    return expected


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
    for method in dataset.methods:
        _check_named(config, f"{named_file(config, 'dataset', name)}: methods", "method", method)
    return dataset


def backbone_of(config: Path, dataset: str, method: str) -> Backbone:
    """Return the network of a method's runs on a dataset: the dataset's, or one of its own."""
    data = load_dataset(config, dataset)
    own = data.methods.get(method)
    return (own and own.backbone) or data.backbone


def framework(config: Path, name: str) -> str:
    """Return what a method's network is trained in, in its first stage."""
    first = load_method(config, name).stages[0]
    settings: Training = getattr(load_method(config, method_of(config, name, first)), first)
    return settings.framework


def method_labels(config: Path, names: Iterable[str]) -> dict[str, str]:
    """Return method -> the name that tables and figures print."""
    return {name: load_method(config, name).label for name in names}


def dataset_labels(config: Path, names: Iterable[str]) -> dict[str, str]:
    """Return dataset -> the name that tables and figures print."""
    return {name: load_dataset(config, name).label for name in names}


@cache
def run_config(
    config: Path, dataset: str, factor: Factor, method: str, seed: int, stage: StageName
) -> RunConfig:
    """Return the effective configuration of one stage of one run.

    The method's section is the base; what the dataset says under `overrides` replaces it. The
    pre-training behind another method's encoder is that method's.
    """
    method = method_of(config, method, stage)
    settings, data = _stage(config, dataset, method, stage)
    place = f"{named_file(config, 'method', method)}: {stage}"
    _check_needs(config, place, settings, dataset, factor, method)
    if stage == "finetune":
        encoder = method_of(config, method, "pretrain")
        _check_backbone(config, f"{place}: its encoder", dataset, method, encoder)
    return RunConfig(
        dataset=dataset,
        factor=factor,
        method=method,
        seed=seed,
        stage=stage,
        data=data,
        backbone=backbone_of(config, dataset, method),
        settings=settings,
    )


@cache
def _stage(config: Path, dataset: str, method: str, stage: StageName) -> tuple[Any, Data]:
    """Return what the runs of a stage of its method's own share on a dataset."""
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
    settings = _with_overrides(model, raw[stage], origins, data_file, data, stage, method)
    return settings, _data(data_file, data, settings.augmentations, f"{method_file}: {stage}")


@cache
def coreset_config(config: Path, dataset: str, factor: Factor, coreset: str) -> CoresetConfig:
    """Return the effective configuration of one coreset of one long-tailed set."""
    data_file = named_file(config, "dataset", dataset)
    coreset_file = named_file(config, "coreset", coreset)
    data = load_dataset(config, dataset)
    settings = load_coreset(config, coreset)
    own = None
    if settings.proxy is not None:
        raw = _document(coreset_file)
        origins = {str(coreset_file): raw}
        proxy = _with_overrides(Classifier, raw["proxy"], origins, data_file, data, "proxy")
        settings = settings.model_copy(update={"proxy": proxy})
        own = _data(data_file, data, proxy.augmentations, f"{coreset_file}: proxy")
    return CoresetConfig(
        dataset=dataset,
        factor=factor,
        coreset=coreset,
        data=own,
        backbone=data.backbone,
        settings=settings,
    )


def _check_collections(config: Path, workflow: Workflow) -> None:
    """Check every method on every dataset, and whether each table and figure can be made."""
    for name, collection in workflow.collections.items():
        place = f"{config / 'config.yaml'}: collections.{name}"
        for own, part in collection.parts().items():
            section = "tables" if own in collection.tables else "figures"
            runs = collection.runs_of(part)
            _check_names(config, f"{place}.{section}.{own}", runs)
            expectations(config, runs.methods)
            configs = {
                (dataset, method): {
                    stage: run_config(config, dataset, 1, method, 0, stage)
                    for stage in load_method(config, method).stages
                }
                for dataset, method in itertools.product(runs.datasets, runs.methods)
            }
            check_runs(f"{place}.{section}.{own}", runs, configs)
        printed = {own: table.printed for own, table in collection.tables.items() if table.printed}
        ratios = [
            figure.printed.table
            for figure in collection.figures.values()
            if isinstance(figure, ReadingsFigure) and figure.printed is not None
        ]
        for file in (*printed.values(), *ratios):
            printed_file(config, file)
        compared = [own for own in names(config, "paper") if own.startswith("table")]
        if collection.claims and not set(printed).intersection(compared):
            raise UserError(
                f"{place}.claims: they are about {', '.join(compared)}, of which the collection "
                "has none with 'printed'. Add one, or write claims: false."
            )


def _check_names(config: Path, place: str, runs: Runs) -> None:
    """Refuse a dataset or method without a file."""
    listed: dict[Kind, tuple[str, ...]] = {"dataset": runs.datasets, "method": runs.methods}
    for kind, own in listed.items():
        for name in own:
            _check_named(config, f"{place}.{kind}s", kind, name)


def _check_named(config: Path, place: str, kind: Kind, name: str) -> None:
    """Refuse a name without a file, saying where it is."""
    try:
        named_file(config, kind, name)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def _check_needs(
    config: Path, place: str, settings: Training, dataset: str, factor: Factor, method: str
) -> None:
    """Refuse a stage that needs what is not there, or what cannot be."""
    for name, need in settings.needs.items():
        match need:
            case CoresetOf(coreset):
                _check_named(config, f"{place}: its {name}", "coreset", coreset)
                coreset_config(config, dataset, factor, coreset)
            case WeightsOf():
                _check_classifier(config, f"{place}: its {name}", need)
                _check_backbone(config, f"{place}: its {name}", dataset, method, need.method)
            case FileAt():
                _check_pattern(f"{place}: its {name}", need)


def _check_backbone(config: Path, what: str, dataset: str, method: str, other: str) -> None:
    """Refuse weights of another network."""
    own, given = (backbone_of(config, dataset, name) for name in (method, other))
    if own != given:
        raise UserError(
            f"{what}: on '{dataset}', '{other}' has the backbone {_named(given)}, but '{method}' "
            f"has {_named(own)}. Give both the same under 'methods' in the dataset's file."
        )


def _named(backbone: Backbone) -> str:
    return f"{backbone.kind} {backbone.depth}"


def _check_classifier(
    config: Path, what: str, need: WeightsOf, below: tuple[str, ...] = ()
) -> None:
    """Refuse a method that does not leave the classifier that another one needs."""
    _check_named(config, what, "method", need.method)
    section = load_method(config, need.method).train
    if not isinstance(section, Supervised) or section.head_kind != need.head:
        raise UserError(
            f"{what}: '{need.method}' is not a one-stage method with a {need.head} classifier. "
            "Name one that is, such as 'ce'."
        )
    if need.method in below:
        raise UserError(f"{what}: '{need.method}' needs itself in turn. Name another.")
    for further in section.needs.values():
        if isinstance(further, WeightsOf):
            _check_classifier(config, what, further, (*below, need.method))


def _check_expected(config: Path, file: Path, key: str) -> None:
    """Refuse an expectation of what is no long-tailed set."""
    place = f"{file}: expect.{key}"
    dataset, _, imbalance = key.rpartition("_")
    _check_named(config, place, "dataset", dataset)
    try:
        from_folder(imbalance)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def _check_pattern(what: str, need: FileAt) -> None:
    """Refuse a path with a placeholder that nothing is filled in for."""
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(need.path)]
    except ValueError as error:
        raise UserError(f"{what}: the path '{need.path}': {error}. Mend it.") from None
    for field in fields:
        if field is not None and field not in FILLED:
            raise UserError(
                f"{what}: the path '{need.path}' has {{{field}}}. {nearest(field, FILLED)}"
            )


@cache
def _document(file: Path) -> dict[str, Any]:
    """Return what a file holds, which is read once."""
    return read_document(file)


@cache
def _sections(
    config: Path, kind: Literal["dataset", "method"], name: str, below: tuple[str, ...] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a file's sections, merged over those of what it extends, and who gave them.

    Args:
        config: folder of the configuration.
        kind: of the file.
        name: of the file.
        below: the files that extend it, each the one after it.
    """
    file = extendable(config, kind)[name] if below else named_file(config, kind, name)
    own = _document(file)
    if "extends" not in own:
        return own, {str(file): own}
    added = {key: value for key, value in own.items() if key != "extends"}
    above = own["extends"]
    _check_above(file, kind, above, extendable(config, kind), (*below, name))
    base, origins = _sections(config, kind, above, (*below, name))
    base = {key: value for key, value in base.items() if key not in OWN}
    if "encoder" in added:
        if "pretrain" in added:
            raise UserError(
                f"{file}: encoder: with another method's encoder there is no section 'pretrain'. "
                "Leave one of them out."
            )
        base.pop("pretrain", None)
    return _merge(base, added), {str(file): added, **origins}


def _check_above(
    file: Path, kind: Kind, above: Any, known: Mapping[str, Path], chain: tuple[str, ...]
) -> None:
    """Refuse what a file cannot extend: nothing, no file, or one that extends it in turn."""
    if not isinstance(above, str):
        raise UserError(f"{file}: extends: it must be one name, but it is {above!r}. Write a name.")
    if above in chain:
        circle = " -> ".join([*chain[chain.index(above) :], above])
        raise UserError(
            f"{file}: extends: {circle} is a circle. Let one of them extend another file, or none."
        )
    if above not in known:
        raise UserError(f"{file}: extends: {kind} {above!r} is unknown. {nearest(above, known)}")


def _with_overrides(
    model: type[Model],
    section: Any,
    origins: Mapping[str, Any],
    data_file: Path,
    data: Dataset,
    stage: Section,
    method: str = "",
) -> Model:
    """Merge what a dataset says over a method's section: by stage, by objective, of the method."""
    overrides: dict[tuple[str, ...], Any] = {}
    if method in data.methods:
        overrides["methods", method, stage] = getattr(data.methods[method], stage)
    trained = issubclass(model, Training)  # a stage's keys are of how it trains
    for name in (section["objective"], *([stage] if trained else [])):
        if name in data.overrides:
            overrides["overrides", name] = data.overrides[name]
    prefixed = {str(data_file): _document_of(overrides), **origins}
    merged = functools.reduce(_merge, reversed(overrides.values()), section)
    try:
        return model.model_validate_json(json.dumps(merged))
    except ValidationError as error:
        problems = []
        for problem in error.errors():
            keys = keys_of(problem["loc"], merged)
            holders = [place for place in overrides if holds(overrides[place], keys)]
            prefix = holders[0] if holders else (stage,)
            problems.append(explain(problem, (*prefix, *keys), prefixed))
        raise UserError("\n".join(problems)) from None


def _document_of(parts: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Return a document that holds each part at its place."""
    document: dict[str, Any] = {}
    for place, part in parts.items():
        below = document
        for key in place[:-1]:
            below = below.setdefault(key, {})
        below[place[-1]] = part
    return document


def _merge(base: Any, override: Any) -> Any:
    """Replace what `override` names; a section of another `kind` is replaced whole."""
    if not (isinstance(base, dict) and isinstance(override, dict)):
        return override
    if override.get("kind", base.get("kind")) != base.get("kind"):
        return override
    return base | {
        key: _merge(base[key], value) if key in base else value for key, value in override.items()
    }


def _data(file: Path, data: Dataset, roles: tuple[str, ...], asking: str) -> Data:
    for role in roles:
        if role not in data.augmentations:
            raise UserError(
                f"{file}: augmentations: there is no '{role}'. {asking} asks for it. "
                f"{nearest(role, data.augmentations)}"
            )
    recipes = {role: data.augmentations[role] for role in roles}
    for recipe in recipes.values():
        for position, operation in enumerate(data.recipes[recipe]):
            try:
                check_fits(operation, data.image_size)
            except ValueError as error:
                raise UserError(f"{file}: recipes.{recipe}.{position}.{error}") from None
    return Data(
        classes=data.classes,
        image_size=data.image_size,
        store=data.store,
        mean=data.mean,
        std=data.std,
        augmentations={role: data.recipes[recipe] for role, recipe in recipes.items()},
        recipes=recipes,
        validation=data.judged_by,
    )
