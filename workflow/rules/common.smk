# Helpers only: what rules ask the configuration and the code for. Imports no torch.
import sys
from functools import cache, wraps
from pathlib import Path

sys.path.append(str(Path(workflow.basedir).parent / "src"))

from cogloat.config import load, schema
from cogloat.config.parse import config_hash
from cogloat.errors import UserError, nearest
from cogloat.fingerprint import fingerprint

fingerprint = cache(fingerprint)

CONFIG = Path("config")
# store.json holds the arrays' hashes: rules compare it, and take the arrays as ancient()
ARRAYS = multiext(
    "data/{dataset}/",
    "train_images.npy",
    "train_labels.npy",
    "test_images.npy",
    "test_labels.npy",
)


def user_facing(function):
    """End Snakemake with one message where a function meets a mistake of the user.

    Any Exception would be shown with the wildcards and frames of this file around it.
    """

    @wraps(function)
    def wrapped(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except UserError as error:
            sys.exit(f"error: {error}")

    return wrapped


# --- the collections ---


@user_facing
def check_files():
    """Check every file behind every collection, before anything is planned."""
    load.load_workflow(CONFIG)


@user_facing
def checked(settings):
    """Return config.yaml, with what --config and --configfile change in it, as typed."""
    return load.as_workflow(CONFIG, settings)


@user_facing
def collection(name):
    """Return a collection's tables."""
    if name not in WORKFLOW.collections:
        raise UserError(
            f"collection '{name}' is unknown: {CONFIG / 'config.yaml'} does not list it. "
            f"{nearest(name, WORKFLOW.collections)}"
        )
    return WORKFLOW.collections[name]


def collection_files(wildcards):
    """Return what `snakemake` without a target makes."""
    made = collection(WORKFLOW.collection)
    place = "" if WORKFLOW.collection == "paper" else f"{WORKFLOW.collection}/"
    files = [
        f"results/{place}figures/{name}.png" if name == "figure2" else f"results/{place}{name}.csv"
        for name in made.grids()
    ]
    figures = ["curves"] if made.table2 else []
    if made.extras:
        files.append(f"results/{place}claims.csv")
        files.append(f"results/{place}figures/temperatures.png")
        figures.append("frequency")
    if figures:
        files += collect(
            "results/{place}figures/{figure}_{dataset}_if{factor}.png",
            place=place,
            figure=figures,
            dataset=made.table2.datasets,
            factor=made.table2.factors,
        )
    return files


def collection_runs(wildcards):
    """Return what is left by the runs behind the collection's tables, and their data."""
    grids = collection(WORKFLOW.collection).grids()
    files = set()
    for runs in (grids[name] for name in ("table2", "table5", "table6") if name in grids):
        files.update(collect("data/{dataset}/store.json", dataset=runs.datasets))
        for method in runs.methods:
            left = [f"{stage}/weights.pt" for stage in load.load_method(CONFIG, method).stages]
            files.update(
                collect(
                    "results/runs/{dataset}/if{factor}/{method}/seed{seed}/{file}",
                    dataset=runs.datasets,
                    factor=runs.factors,
                    method=method,
                    seed=runs.seeds,
                    file=["metrics.json", *left],
                )
            )
    return sorted(files)


@user_facing
def grid(wildcards, name):
    """Return the runs of a table or figure, of the collection in whose folder it is asked for."""
    owner = Path(wildcards.place).name or "paper"
    grids = collection(owner).grids()
    if name not in grids:
        raise UserError(f"collection '{owner}' has no {name}. {nearest(name, grids)}")
    return grids[name]


def grid_files(path, name=None):
    """Return a function for a path of every run of a table or figure, by default of the wildcard's."""

    def files(wildcards):
        runs = grid(wildcards, name or wildcards.table)
        return collect(
            path,
            dataset=wildcards.get("dataset", runs.datasets),
            factor=wildcards.get("factor", runs.factors),
            method=runs.methods,
            seed=runs.seeds,
        )

    return files


def grid_labels(name=None):
    """Return a function for the names that a table prints for its datasets and methods."""

    def labels(wildcards):
        runs = grid(wildcards, name or wildcards.table)
        return [load.load_named_dataset(CONFIG, dataset).label for dataset in runs.datasets] + [
            load.load_method(CONFIG, method).label for method in runs.methods
        ]

    return labels


def grid_part(path, name):
    """Return a function for a path that all runs of a figure share: one dataset, one factor."""

    def part(wildcards):
        runs = grid(wildcards, name)
        return path.format(dataset=runs.datasets[0], factor=runs.factors[0])

    return part


def grid_titles(name):
    """Return a function for the labels of a figure's methods, in their order."""

    def titles(wildcards):
        return [load.load_method(CONFIG, method).label for method in grid(wildcards, name).methods]

    return titles


def grid_stages(path, name):
    """Return a function for a path of every stage of every run of a table, one dataset and factor."""

    def files(wildcards):
        runs = grid(wildcards, name)
        return [
            path.format(**wildcards, method=method, seed=seed, stage=stage)
            for method in runs.methods
            for seed in runs.seeds
            for stage in load.load_method(CONFIG, method).stages
        ]

    return files


def adaptive_runs(path):
    """Return a function for a path of one run with adaptive temperatures for each data set."""

    def files(wildcards):
        runs = grid(wildcards, "table2")
        return collect(
            path,
            dataset=runs.datasets,
            factor=runs.factors,
            method=WORKFLOW.figures.adaptive,
            seed=runs.seeds[0],
        )

    return files


@user_facing
def timed_settings(wildcards):
    """Return the effective configurations of the pre-trainings that are timed together."""
    runs = grid(wildcards, "table4")
    factor = number(wildcards, "factor", 1)
    return [
        load.run_config(CONFIG, wildcards.dataset, factor, method, runs.seeds[0], "pretrain")
        for method in runs.methods
    ]


def timed_coreset(wildcards):
    """Return the coreset behind the prototypes of what is timed, or nothing."""
    settings = [config.settings for config in timed_settings(wildcards)]
    names = {own.prototypes.coreset for own in settings if isinstance(own, schema.Prototypical)}
    return [f"results/coresets/{{dataset}}/if{{factor}}/{name}/coreset.csv" for name in names]


def timing_code(wildcards):
    """Return the fingerprint of the timing and of the objectives it times."""
    objectives = {config.settings.objective for config in timed_settings(wildcards)}
    names = sorted(f"cogloat.objectives.{objective}" for objective in objectives)
    return fingerprint("src/time_epochs.py", *names)


def timed_sets(wildcards):
    """Return the raw timings of every data set of Table 4."""
    runs = grid(wildcards, "table4")
    return collect(
        "results/{place}times/{dataset}/if{factor}.csv",
        place=wildcards.place,
        dataset=runs.datasets,
        factor=runs.factors,
    )


def measured_tables(wildcards):
    """Return the tables that the claims are held against."""
    made = collection(Path(wildcards.place).name or "paper").grids()
    return [f"results/{{place}}{name}.csv" for name in made if name.startswith("table")]


# --- one dataset, one long-tailed set ---


@user_facing
def dataset(wildcards):
    """Return a dataset's file, as typed."""
    return load.load_named_dataset(CONFIG, wildcards.dataset)


def dataset_source(wildcards):
    """Return what the store is made of."""
    return dataset(wildcards).model_dump_json(include={"source", "classes", "image_size"})


def dataset_split_seed(wildcards):
    """Return the seed of the long-tailed drawing."""
    return dataset(wildcards).split_seed


def dataset_threads(wildcards):
    """Return how many threads one job on this dataset uses."""
    return dataset(wildcards).resources.threads


def dataset_mem_mb(wildcards):
    """Return how much memory one job on this dataset uses."""
    return dataset(wildcards).resources.mem_mb


def many_above(wildcards):
    """Return the size a class must exceed to be one of the many-shot classes."""
    return dataset(wildcards).shot_groups.many_above


def few_below(wildcards):
    """Return the size below which a class is one of the few-shot classes."""
    return dataset(wildcards).shot_groups.few_below


@user_facing
def number(wildcards, name, least):
    """Return a wildcard that must be a whole number, written plainly."""
    text = wildcards[name]
    if not text.isdecimal() or str(int(text)) != text or int(text) < least:
        raise UserError(
            f"{name} '{text}' is not a whole number of at least {least}. Change the path you ask for."
        )
    return int(text)


def train_labels(wildcards):
    """Return the labels a long-tailed set is drawn from."""
    dataset(wildcards)
    number(wildcards, "factor", 1)
    return "data/{dataset}/train_labels.npy"


@user_facing
def coreset_settings(wildcards):
    """Return the effective configuration of a coreset."""
    factor = number(wildcards, "factor", 1)
    return load.coreset_config(CONFIG, wildcards.dataset, factor, wildcards.coreset)


def coreset_hash(wildcards):
    """Return the hash of a coreset's effective configuration."""
    return config_hash(coreset_settings(wildcards))


def target_settings(wildcards):
    """Return how targets are optimised, or nothing where they have a closed form."""
    classes, dimension = (number(wildcards, name, 1) for name in ("classes", "dimension"))
    if classes <= dimension + 1:
        return ""
    return load.load_target_points(CONFIG).model_dump_json()


# --- one run ---


@user_facing
def stage_settings(wildcards, stage):
    """Return the effective configuration of one stage of a run."""
    return load.run_config(
        CONFIG,
        wildcards.dataset,
        number(wildcards, "factor", 1),
        wildcards.method,
        number(wildcards, "seed", 0),
        stage,
    )


def stage_hash(stage=None):
    """Return a function for the hash of a stage's effective configuration, by default the wildcard's."""

    def hashed(wildcards):
        return config_hash(stage_settings(wildcards, stage or wildcards.stage))

    return hashed


def stage_code(stage):
    """Return a function for the fingerprint of a stage's script with the objective it imports."""

    def code(wildcards):
        objective = stage_settings(wildcards, stage).settings.objective
        return fingerprint(f"src/{stage}.py", f"cogloat.objectives.{objective}")

    return code


def run_coreset(wildcards):
    """Return the coreset behind a run's prototypes, or nothing where it has none."""
    settings = stage_settings(wildcards, "pretrain").settings
    if not isinstance(settings, schema.Prototypical):
        return []
    coreset = settings.prototypes.coreset
    return f"results/coresets/{{dataset}}/if{{factor}}/{coreset}/coreset.csv"


def run_targets(wildcards):
    """Return the points for a run's classes, or nothing where it has none."""
    config = stage_settings(wildcards, "pretrain")
    if not isinstance(config.settings, schema.Targeted):
        return []
    return f"results/targets/{config.data.classes}x{config.settings.projection[1]}.npy"


def run_generator(wildcards):
    """Return the classifier by which a run makes images, or nothing where it makes none."""
    settings = stage_settings(wildcards, "train").settings
    if not isinstance(settings, schema.Translating):
        return []
    generator = settings.translation.generator
    return f"results/runs/{{dataset}}/if{{factor}}/{generator}/seed{{seed}}/train/weights.pt"


def flags(*names):
    """Return a function for the flags that hand over those of some inputs that a run has."""

    def given(wildcards, input):
        return " ".join(f"--{name} {input[name]}" for name in names if input[name])

    return given


def last_stage(path):
    """Return a function for the path of what a run's last stage leaves."""

    def file(wildcards):
        return all_stages(path)(wildcards)[-1]

    return file


def all_stages(path):
    """Return a function for the paths of what a run's stages leave, in their order."""

    @user_facing
    def files(wildcards):
        stages = load.load_method(CONFIG, wildcards.method).stages
        for stage in stages:
            stage_settings(wildcards, stage)
        return [path.format(**wildcards, stage=stage) for stage in stages]

    return files
