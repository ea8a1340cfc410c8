# Helpers only: what jobs and collections cost, by what was measured, otherwise by the configuration.
import hashlib
import os

from cogloat.results.calibration import Calibration
from cogloat.runs import cost
from cogloat.runs.work import works

CALIBRATION = "results/calibration/{dataset}.json"


@cache
@user_facing
def calibration(name):
    """Return what was measured of a dataset; None where nothing was.

    It is no input of what trains, so that another machine's makes no result out of date.
    """
    path = Path(CALIBRATION.format(dataset=name))
    return Calibration.read(path) if path.is_file() else None


# --- the time that a job asks a cluster for ---


@user_facing
def stage_runtime(wildcards):
    """Return how many minutes a stage asks for."""
    own = stage_config(wildcards)
    frozen = own.stage == "finetune"
    shared = stage_processes(wildcards)
    return training_minutes(wildcards, own.settings, own.data, own.backbone, frozen, shared)


@user_facing
def stage_processes(wildcards):
    """Return how many processes share the batches of a stage, each with a GPU of its own."""
    asked = dataset(wildcards).resources.processes
    return stage_config(wildcards).settings.shared_by(asked)


@user_facing
def one_node(wildcards):
    """Return that several processes are on one node; of a single one nothing is said.

    SLURM would take GPUs from several nodes; jobs in a group would add their nodes up.
    """
    return 1 if stage_processes(wildcards) > 1 else None


def of_processes(key):
    """Return a function for what all processes of a stage ask for together."""
    one = from_dataset(key)
    return user_facing(lambda wildcards: stage_processes(wildcards) * one(wildcards))


@user_facing
def coreset_runtime(wildcards):
    """Return how many minutes a coreset asks for: those of its proxy's training."""
    own = coreset_settings(wildcards)
    if own.settings.proxy is None:
        return WORKFLOW.runtime.start
    return training_minutes(wildcards, own.settings.proxy, own.data, own.backbone, frozen=False)


@user_facing
def training_minutes(wildcards, settings, data, backbone, frozen, processes=1):
    """Return how many minutes the training of some settings by some processes asks for."""
    own = dataset(wildcards)
    split = Path("results/splits") / wildcards.dataset / f"{wildcards.imbalance}.csv"
    images = cost.training_images(split, factor_of(wildcards), own)
    costs = cost.Costs(own.resources, calibration(wildcards.dataset))
    estimate = costs.training(settings, data, backbone, images, frozen=frozen)
    return cost.minutes(cost.shared(estimate, processes), WORKFLOW.runtime)


# --- one calibration ---


@cache
@user_facing
def works_on(name):
    """Return every kind of work on a dataset, and a stage that does it."""
    load.load_dataset(CONFIG, name)
    return works(CONFIG, WORKFLOW, name)


@user_facing
def kinds_of_work(wildcards):
    """Return the kinds of work that are measured."""
    return " ".join(works_on(wildcards.dataset))


@user_facing
def calibration_needs(wildcards):
    """Return the files that measuring needs beside what it makes up, such as TSC's targets."""
    stages = works_on(wildcards.dataset).values()
    files = {
        needed(own)[name]
        for own in stages
        for name, need in own.settings.needs.items()
        if isinstance(need, FileAt)
    }
    return sorted(files)


@user_facing
def calibration_code(wildcards):
    """Return the fingerprint of the measuring with the objectives that it imports by their names."""
    objectives = {own.settings.objective for own in works_on(wildcards.dataset).values()}
    return code_of("src/calibrate.py", *map(objective_module, sorted(objectives)))


# --- one plan ---


@user_facing
def datasets_of(made):
    """Return the datasets of a collection, each once."""
    parts = made.parts().values()
    return sorted({name for part in parts for name in made.runs_of(part).datasets})


@user_facing
def collection_calibrations(wildcards):
    """Return the calibrations of the datasets of the collection that config.yaml names."""
    names = datasets_of(collection(WORKFLOW.collection))
    return [CALIBRATION.format(dataset=name) for name in names]


@user_facing
def planned(wildcards):
    """Return the name of the collection in whose folder a plan is asked for."""
    owner(wildcards)
    return Path(wildcards.folder).name or "paper"


@user_facing
def calibration_flags(wildcards):
    """Return the flag that hands over what was measured; a plan does without."""
    paths = [CALIBRATION.format(dataset=name) for name in datasets_of(owner(wildcards))]
    return shlex.join(["--calibration", *filter(os.path.isfile, paths)])


@user_facing
def plan_hash(wildcards):
    """Return the hash of what a plan is made of."""
    made = owner(wildcards)
    names = datasets_of(made)
    said = [made, *(load.load_dataset(CONFIG, name) for name in names)]
    for part in made.parts().values():
        own = made.runs_of(part)
        for name, method in itertools.product(own.datasets, own.methods):
            stages = load.load_method(CONFIG, method).stages
            said += [load.run_config(CONFIG, name, 1, method, 0, stage) for stage in stages]
    said += filter(None, map(calibration, names))
    text = "".join(own.model_dump_json() for own in said)
    return hashlib.sha256(text.encode()).hexdigest()


@user_facing
def at_once(wildcards):
    """Return how many jobs run at a time: those of the cluster, or as many as there are cores for."""
    settings = workflow.resource_settings
    if settings.nodes is not None:
        return settings.nodes
    names = datasets_of(owner(wildcards))
    threads = max(load.load_dataset(CONFIG, name).resources.threads for name in names)
    return max(settings.cores // threads, 1)


@user_facing
def planned_provenance(wildcards):
    """Return the provenance of the collection's trainings."""
    path = "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}/provenance.json"
    files = []
    for table in owner(wildcards).tables.values():
        if table.kind in LEFT:
            whole = table.kind in OF_CLASSIFIER
            files += of_each(path if whole else path.replace("{stage}", "pretrain"), table)
    return list(dict.fromkeys(files))
