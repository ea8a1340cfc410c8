# Helpers only: what rules ask the configuration and the code for. Imports no torch.
import re
import ast
import contextlib
import inspect
import shlex
import sys
from functools import cache, wraps
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace

from snakemake.io import IOFile

sys.path.append(str(Path(workflow.basedir).parent / "src"))

from cogloat.errors import UserError, explain, nearest

try:
    from cogloat import imbalance
    from cogloat.certificates import code_of
    from cogloat.claims.schema import load_claims
    from cogloat.config.dataset import ImageFolder, ListFile
    from cogloat.config import reading
    from cogloat.config.reading import config_hash, dump
    from cogloat.data.sources.inventory import content, is_there, list_images
    from cogloat.methods.rooms import objective_module, settings_types
    from cogloat.methods.settings import CoresetOf, FileAt, WeightsOf
    from cogloat.runs import load, named
    from cogloat.runs.bench import Bench
except ImportError as error:  # a Snakemake of another environment
    sys.exit(f"error: {explain(error) or error}")

CONFIG = Path("config")
NOTHING = "(?!)"  # a pattern that no text has
MOST = 2**32 - 1  # of a number in a path, such as a seed
# store.json holds the arrays' hashes: rules compare it, and take the arrays as ancient()
ARRAYS = multiext(
    "data/{dataset}/",
    "train_images.npy",
    "train_labels.npy",
    "test_images.npy",
    "test_labels.npy",
)


def user_facing(function):
    """End Snakemake with one message where a function meets a fault that is not the code's.

    Any Exception would be shown with the wildcards and frames of this file around it, so this is
    around every function that Snakemake calls.
    """

    @wraps(function)
    def wrapped(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception as error:
            message = explain(error)
            if message is None:
                raise
            sys.exit(f"error: {message}")

    # Snakemake asks for it at each call, and would look for it anew
    wrapped.__signature__ = inspect.signature(function)
    return wrapped


code_of = user_facing(cache(code_of))


@user_facing
def check_files():
    """Check every file behind every collection, before anything is planned."""
    for warning in named.odd_files(CONFIG) if workflow.is_main_process else []:
        print(f"warning: {warning}", file=sys.stderr)
    collections = load.load_workflow(CONFIG).collections.values()
    if any(own.claims for own in collections):
        load_claims(CONFIG / "claims.yaml")


@user_facing
def checked(settings):
    """Return config.yaml, with what --config and --configfile change in it, as typed."""
    return load.as_workflow(CONFIG, settings)


@user_facing
def number(text, name, least):
    """Return a wildcard that must be a whole number, written plainly."""
    plain = re.fullmatch("0|[1-9][0-9]*", text)
    if plain and (len(text) > len(str(MOST)) or int(text) > MOST):
        raise UserError(f"{name} {text} is more than {MOST}. Change the path you ask for.")
    if not plain or int(text) < least:
        raise UserError(
            f"{name} {text!r} is not a whole number of at least {least}. Change the path you ask for."
        )
    return int(text)


@user_facing
def factor_of(wildcards):
    """Return how the path's training set is long-tailed."""
    return imbalance.from_folder(wildcards.imbalance)


# --- one dataset, one long-tailed set ---


@user_facing
def dataset(wildcards):
    """Return a dataset's file, as typed."""
    return load.load_dataset(CONFIG, wildcards.dataset)


def from_dataset(key):
    """Return a function for what a dataset's file says under a key, such as resources.threads."""
    return user_facing(lambda wildcards: attrgetter(key)(dataset(wildcards)))


@user_facing
def decoded_datasets():
    """Return a pattern of the datasets whose images are files, which a job decodes.

    One whose file is not valid is told where it is asked for, and stops nothing else.
    """
    names = named.names(CONFIG, "datasets")
    sources = {}
    for name in names:
        with contextlib.suppress(UserError, OSError):
            sources[name] = load.load_dataset(CONFIG, name).source
    decoded = [name for name in sources if isinstance(sources[name], ImageFolder | ListFile)]
    return "|".join(map(re.escape, decoded)) or NOTHING


@user_facing
def dataset_source(wildcards):
    """Return what the store is made of: the source as typed, and the content of its files."""
    own = dataset(wildcards)
    kept, no_matter = {"source", "classes", "image_size", "store"}, {"source": {"timeout", "blobs"}}
    typed = own.model_dump_json(include=kept, exclude=no_matter, exclude_none=True)
    if not isinstance(own.source, ImageFolder | ListFile):
        return typed
    if not is_there(own.source):
        if recorded := recorded_source(wildcards, typed):
            return recorded
        if workflow.dryrun:  # what there is to do is the same with them
            warn_of_absent(wildcards.dataset)
            return typed
    return typed + content_of(wildcards.dataset)


@cache
@user_facing
def warn_of_absent(name):
    """Say once that a plan is made without the images it needs."""
    try:
        list_images(load.load_dataset(CONFIG, name))
    except UserError as error:
        print(f"warning: planned without the images of {name}: {error}", file=sys.stderr)


@cache
@user_facing
def content_of(name):
    """Return the hash of a dataset's files; they are read once, and where one has changed."""
    return content(load.load_dataset(CONFIG, name), Path("scratch") / name / "content.json")


@user_facing
def recorded_source(wildcards, typed):
    """Return what was recorded of the store; results may be there where their images are not."""
    store = IOFile(f"data/{wildcards.dataset}/store.json")
    recorded = map(ast.literal_eval, workflow.persistence.params(store) or [])
    return next((made_of for made_of in recorded if str(made_of).startswith(typed)), None)


@user_facing
def train_labels(wildcards):
    """Return the labels a long-tailed set is drawn from."""
    dataset(wildcards)
    factor_of(wildcards)
    return "data/{dataset}/train_labels.npy"


@user_facing
def coreset_settings(wildcards):
    """Return the effective configuration of a coreset."""
    return load.coreset_config(CONFIG, wildcards.dataset, factor_of(wildcards), wildcards.coreset)


@user_facing
def held_out(wildcards):
    """Return the images that are not there to be drawn, where the dataset holds some out."""
    return [] if dataset(wildcards).validation is None else "results/validation/{dataset}.csv"


@user_facing
def held_out_flag(wildcards, input):
    """Return the flag that hands them over."""
    return f"--held-out {shlex.quote(input.held_out)}" if input.held_out else ""


@user_facing
def coreset_hash(wildcards):
    """Return the hash of a coreset's effective configuration."""
    return config_hash(coreset_settings(wildcards))


@user_facing
def coreset_file(wildcards):
    """Return what is in the file of a coreset's effective configuration, as of a stage's."""
    return SimpleNamespace(text=dump(coreset_settings(wildcards)))


@user_facing
def target_settings(wildcards):
    """Return how targets are optimised, or nothing where they have a closed form."""
    classes = number(wildcards.classes, "classes", 2)
    dimension = number(wildcards.dimension, "dimension", 1)
    if classes <= dimension + 1:
        return ""
    return load.load_target_points(CONFIG).model_dump_json()


# --- one run ---


@user_facing
def stage_config(wildcards, stage=None):
    """Return the effective configuration of one stage of a run, by default the path's."""
    owner = load.method_of(CONFIG, wildcards.method, stage or wildcards.stage)
    if stage is None and owner != wildcards.method:
        raise UserError(
            f"method '{wildcards.method}' has the encoder of '{owner}' and no stage "
            f"'{wildcards.stage}' of its own. Ask for that of '{owner}'."
        )
    run = (wildcards.dataset, wildcards.imbalance, wildcards.method, wildcards.seed)
    return config_at(*run, stage or wildcards.stage)


@cache
@user_facing
def config_at(dataset, folder, method, seed, stage):
    """Return what `stage_config` does, of a run's path's parts; a plan asks often for each."""
    factor = imbalance.from_folder(folder)
    return load.run_config(CONFIG, dataset, factor, method, number(seed, "seed", 0), stage)


@user_facing
def stage_hash(wildcards):
    """Return the hash of a stage's effective configuration."""
    return config_hash(stage_config(wildcards))


@user_facing
def stage_file(wildcards):
    """Return what is in the file of a stage's effective configuration.

    As an object: Snakemake would compare and print a text, for which the hash is there.
    """
    return SimpleNamespace(text=dump(stage_config(wildcards)))


@user_facing
def stage_code(wildcards):
    """Return the fingerprint of the training with the objective that it imports by its name."""
    return code_of("src/train.py", objective_module(stage_config(wildcards).settings.objective))


@user_facing
def stage_path(path, stage, **own):
    """Return a path of a stage of a run: with another method's encoder, of that method's run."""
    return path.format(
        **own | {"stage": stage, "method": load.method_of(CONFIG, own["method"], stage)}
    )


def all_stages(path):
    """Return a function for the paths of what a run's stages leave, in their order."""

    @user_facing
    def files(wildcards):
        stages = load.load_method(CONFIG, wildcards.method).stages
        for stage in stages:
            stage_config(wildcards, stage)
        return [stage_path(path, stage, **wildcards) for stage in stages]

    return files


def last_stage(path):
    """Return a function for the path of what a run's last stage leaves."""

    @user_facing
    def file(wildcards):
        stage = load.load_method(CONFIG, wildcards.method).stages[-1]
        stage_config(wildcards, stage)
        return stage_path(path, stage, **wildcards)

    return file


@user_facing
def needed(config):
    """Return the files that a stage needs beside its images, by their names."""
    own = config.model_dump(include={"dataset", "method", "seed"})
    own |= {"imbalance": imbalance.folder(config.factor), "classes": config.data.classes}
    paths = {name: need_path(need, own) for name, need in config.settings.needs.items()}
    if config.stage == "finetune":
        encoder = "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}/weights.pt"
        paths["encoder"] = stage_path(encoder, "pretrain", **own)
    if config.data.validation_is_drawn and config.stage != "pretrain":
        paths["validation"] = "results/validation/{dataset}.csv".format(**own)
    return paths


@user_facing
def need_path(need, own):
    """Return the path of one file that a run's method needs."""
    match need:
        case CoresetOf(coreset):
            path = "results/coresets/{dataset}/{imbalance}/{coreset}/coreset.csv"
            return path.format(**own, coreset=coreset)
        case WeightsOf(method):
            path = "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/train/weights.pt"
            return path.format(**(own | {"method": method}))
        case FileAt(path):
            return path.format(**own)


@user_facing
def stage_needs(wildcards):
    """Return the files that a stage needs beside its images."""
    return list(needed(stage_config(wildcards)).values())


@user_facing
def stage_inputs(wildcards):
    """Return the flags that hand them over."""
    files = needed(stage_config(wildcards)).items()
    return " ".join(f"--input {shlex.quote(f'{name}={path}')}" for name, path in files)


# --- the bench ---


@user_facing
def bench_settings(wildcards):
    """Return what the bench measures, and what is asked of it."""
    return reading.load(Bench, CONFIG / "bench.yaml").model_dump_json()


@user_facing
def bench_code(wildcards):
    """Return the fingerprint of the bench with every objective that it imports by its name."""
    return code_of("src/bench.py", *map(objective_module, sorted(settings_types())))
