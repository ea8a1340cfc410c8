# Helpers only: the tables and figures of config.yaml, and the runs behind them. A path's `folder` is
# that of a collection, such as demo/; the collection `paper` has none.
import itertools

from cogloat.runs.collections import OF_CLASSIFIER

# of a table or figure of some kind: what is shown of it, and what its runs leave
SHOWN = {
    "accuracy": "results/{folder}{name}.html",
    "groups": "results/{folder}{name}.html",
    "acceptance": "results/{folder}{name}.html",
    "features": "results/{folder}{name}.html",
    "gradients": "results/{folder}{name}.html",
    "separability": "results/{folder}{name}.html",
    "leaks": "results/{folder}{name}.html",
    "times": "results/{folder}{name}.html",
    "embedding": "results/{folder}figures/{name}.png",
    "temperatures": "results/{folder}figures/{name}.png",
    "curves": "results/{folder}figures/{name}_{dataset}_{imbalance}.png",
    "frequency": "results/{folder}figures/{name}_{dataset}_{imbalance}.png",
    "confusion": "results/{folder}figures/{name}_{dataset}_{imbalance}.png",
    "magnitudes": "results/{folder}figures/{name}_{dataset}_{imbalance}.png",
    "means": "results/{folder}figures/{name}.png",
    "readings": "results/{folder}figures/{name}_{dataset}_{imbalance}.png",
}
LEFT_BY_CLASSIFIER = [
    "data/{dataset}/store.json",
    "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/metrics.json",
    "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/confusion.csv",
    "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}/weights.pt",
]
LEFT = {
    **dict.fromkeys(OF_CLASSIFIER, LEFT_BY_CLASSIFIER),
    "features": [
        "data/{dataset}/store.json",
        "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/features.json",
        "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/weights.pt",
    ],
    "gradients": [
        "data/{dataset}/store.json",
        "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/gradients.json",
        "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/weights.pt",
    ],
    "separability": [
        "data/{dataset}/store.json",
        "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/separability{rarest}.json",
        "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/weights.pt",
    ],
    "leaks": [
        "data/{dataset}/store.json",
        "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/leak.json",
        "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/weights.pt",
    ],
}


@user_facing
def collection(name):
    """Return a collection."""
    if name not in WORKFLOW.collections:
        raise UserError(
            f"collection {name!r} is unknown: {CONFIG / 'config.yaml'} does not list it. "
            f"{nearest(name, WORKFLOW.collections)}"
        )
    return WORKFLOW.collections[name]


@user_facing
def collection_files(wildcards):
    """Return what `snakemake` without a target makes."""
    name = WORKFLOW.collection
    made, folder = collection(name), "" if name == "paper" else f"{name}/"
    files = [f"results/{folder}claims.html"] if made.claims else []
    files += [f"results/{folder}machines.html"] if trainings(made) else []
    for name, part in made.parts().items():
        files += of_each(SHOWN[part.kind], made.runs_of(part), folder=folder, name=name)
    return files


@user_facing
def collection_runs(wildcards):
    """Return what is left by the runs behind the collection's tables, and their data."""
    return left_by(collection(WORKFLOW.collection))


@user_facing
def left_by(made):
    """Return what is left by the runs behind a collection's tables, and their data."""
    tables = made.tables.values()
    left = [of_each(path, table) for table in tables for path in LEFT.get(table.kind, [])]
    return sorted(set(itertools.chain(*left)))


@user_facing
def trainings(made):
    """Return the weights that the trainings behind a collection's tables leave."""
    return [path for path in left_by(made) if path.endswith("weights.pt")]


@user_facing
def names_of(kind):
    """Return a pattern of the names of all tables or figures of a kind."""
    return "|".join(WORKFLOW.names(kind)) or NOTHING


# --- one table or figure ---


@user_facing
def owner(wildcards):
    """Return the collection in whose folder something is asked for."""
    return collection(Path(wildcards.folder).name or "paper")


@user_facing
def part(wildcards):
    """Return the table or figure that is asked for."""
    name, parts = wildcards.get("table", wildcards.get("figure")), owner(wildcards).parts()
    if name not in parts:
        collection_name = Path(wildcards.folder).name or "paper"
        raise UserError(f"collection '{collection_name}' has no {name}. {nearest(name, parts)}")
    return parts[name]


def from_part(key):
    """Return a function for what a table or figure says under a key, such as convention.pairs."""
    return user_facing(lambda wildcards: attrgetter(key)(part(wildcards)))


@user_facing
def runs(wildcards):
    """Return the runs behind a table or figure."""
    return owner(wildcards).runs_of(part(wildcards))


@user_facing
def of_each(path, runs, **fixed):
    """Return a path for each of some runs, every one once; with {stage}, for each of its stages."""
    every = itertools.product(runs.datasets, runs.factors, runs.methods, runs.seeds)
    paths = []
    for dataset, factor, method, seed in every:
        own = {"dataset": dataset, "imbalance": imbalance.folder(factor), "method": method}
        own |= {"seed": seed, "rarest": getattr(runs, "rarest", None)} | fixed
        if "{stage}" in path:
            stages = load.load_method(CONFIG, method).stages
            paths += [stage_path(path, stage, **own) for stage in stages]
        else:
            paths.append(path.format(**own))
    return list(dict.fromkeys(paths))


def of_runs(path):
    """Return a function for a path of every run behind a table or figure; wildcards are fixed."""
    return user_facing(lambda wildcards: of_each(path, runs(wildcards), **wildcards))


@user_facing
def titles(wildcards):
    """Return the labels of the methods, in their order."""
    return [load.load_method(CONFIG, method).label for method in runs(wildcards).methods]


@user_facing
def labels(wildcards):
    """Return the names that are printed for datasets and methods."""
    datasets = runs(wildcards).datasets
    return [load.load_dataset(CONFIG, name).label for name in datasets] + titles(wildcards)


@user_facing
def expected(wildcards):
    """Return what is known of the methods' accuracies, which a table is made anew for."""
    known = load.expectations(CONFIG, runs(wildcards).methods)
    return {
        method: {name: one.model_dump_json() for name, one in own.items()}
        for method, own in known.items()
    }


@user_facing
def printed(wildcards):
    """Return the printed numbers that stand beside a table's, or nothing."""
    name = part(wildcards).printed
    return [] if name is None else f"config/paper/{name}.csv"


@user_facing
def printed_flag(wildcards, input):
    """Return the flag that hands them over."""
    return f"--printed {shlex.quote(input.printed)}" if input.printed else ""


@user_facing
def difference_flags(wildcards):
    """Return the flags that hand over what is known of differences between methods."""
    known = [
        shlex.join([one.method, one.less, *map(repr, one.window)])
        for one in part(wildcards).differences
    ]
    return " ".join(f"--difference {one}" for one in known)


@user_facing
def table_of_figure(wildcards):
    """Return the table that a figure is of."""
    return f"results/{wildcards.folder}{part(wildcards).of}.csv"


@user_facing
def tables_of_figure(wildcards):
    """Return the tables that a figure is of."""
    return [f"results/{wildcards.folder}{name}.csv" for name in part(wildcards).of]


@user_facing
def table_flags(wildcards, input):
    """Return the flags that hand them over, by their kinds, and say whose accuracies they have."""
    tables = [owner(wildcards).tables[name] for name in part(wildcards).of]
    images = next(table.images for table in tables if table.kind == "accuracy")
    files = zip(tables, input.tables, strict=True)
    flags = [f"--{table.kind} {shlex.quote(path)}" for table, path in files]
    return " ".join([*flags, f"--images {images}"])


@user_facing
def printed_ratio(wildcards):
    """Return the printed numbers whose ratio a figure shows, or nothing."""
    ratio = part(wildcards).printed
    return [] if ratio is None else f"config/paper/{ratio.table}.csv"


@user_facing
def printed_ratio_flags(wildcards, input):
    """Return the flags that hand them over, and say which they are."""
    ratio = part(wildcards).printed
    if ratio is None:
        return ""
    flags = [
        printed_flag(wildcards, input),
        f"--printed-dataset {shlex.quote(ratio.dataset)}",
        f"--printed-methods {shlex.join([ratio.method, ratio.reference])}",
    ]
    return " ".join(flags)


@user_facing
def stage_provenances(wildcards):
    """Return what the trainings behind a collection's tables say of where they ran."""
    weights = map(Path, trainings(owner(wildcards)))
    return [str(path.with_name("provenance.json")) for path in weights]


@user_facing
def compared_tables(wildcards):
    """Return the collection's tables to which claims are put: printed ones, and those named there."""
    unprinted = load_claims(CONFIG / "claims.yaml").unprinted
    tables = owner(wildcards).tables.items()
    return [
        f"results/{{folder}}{name}.csv"
        for name, table in tables
        if table.printed or name in unprinted
    ]


# --- what is timed together ---


@user_facing
def timed_configs(wildcards):
    """Return the effective configurations of the pre-trainings that are timed together."""
    own, factor = runs(wildcards), factor_of(wildcards)
    return [
        load.run_config(CONFIG, wildcards.dataset, factor, method, seed, "pretrain")
        for method in own.methods
        for seed in own.seeds
    ]


@user_facing
def timed_files(wildcards):
    """Return the files that they need, by method and name."""
    return {
        f"{config.method}.{name}": path
        for config in timed_configs(wildcards)
        for name, path in needed(config).items()
    }


@user_facing
def timed_needs(wildcards):
    """Return the files that they need."""
    return sorted(set(timed_files(wildcards).values()))


@user_facing
def timed_inputs(wildcards):
    """Return the flags that hand them over."""
    files = timed_files(wildcards).items()
    return " ".join(f"--input {shlex.quote(f'{name}={path}')}" for name, path in files)


@user_facing
def timed_code(wildcards):
    """Return the fingerprint of the timing with the objectives that it imports by their names."""
    objectives = {config.settings.objective for config in timed_configs(wildcards)}
    return code_of("src/time_epochs.py", *map(objective_module, sorted(objectives)))
