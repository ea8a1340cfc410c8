"""What is no value is refused before anything is planned, with file, key, value and fix."""

import copy
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripts import REPO
from specimens import forget

from cogloat.claims.schema import load_claims
from cogloat.errors import UserError
from cogloat.imbalance import Factor
from cogloat.methods.moco.settings import Settings as Moco
from cogloat.methods.settings import FileAt
from cogloat.runs import load
from cogloat.runs.collections import Runtime
from cogloat.runs.cost import Costs, minutes, training_images
from cogloat.runs.named import NAMED, names, odd_files

# every kind of table and figure, of few methods
COLLECTION = """
collection: mine
confidence: 0.95
runtime: {start: 20, margin: 2.0}
collections:
  mine:
    tables:
      table1:
        kind: features
        datasets: [digits]
        factors: [10]
        methods: [kcl]
        seeds: [0, 1]
        printed: table1
        convention: {images: train, space: projection, pairs: unordered}
      table2:
        kind: accuracy
        datasets: [digits]
        factors: [10, 100]
        methods: [ce, kcl]
        seeds: [0, 1]
        printed: table2
      table4:
        kind: times
        datasets: [digits]
        factors: [10]
        methods: [kcl, kcl_proco]
        rounds: 2
        steps: 1
    figures:
      figure2:
        kind: embedding
        datasets: [digits]
        factors: [10]
        methods: [kcl]
        seeds: [0]
        rarest: 4
        tsne_seed: 0
      temperatures: {kind: temperatures, datasets: [digits], factors: [10], methods: [cogloat]}
      curves: {kind: curves, of: table2}
      frequency: {kind: frequency, of: table2, reference: ce}
    claims: true
"""
RUNTIME = Runtime(start=20, margin=2.0)
USERS = {
    **dict.fromkeys(("methods/base/moco", "methods/base/finetune"), ("kcl",)),
    "methods/base/classifier": ("ce",),
}
DATASET, CONFIG = "datasets/digits", "config"
BASE, KCL, PROCO = "methods/base/moco", "methods/kcl", "methods/cogloat_proco"
FINETUNE = "methods/base/finetune"
CE, CLASSIFIER = "methods/ce", "methods/base/classifier"
PACO, BCL, TSC, M2M, LDAM = (
    f"methods/{name}" for name in ("paco", "bcl", "tsc", "m2m_ldam", "ldam")
)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of config/ with a small config.yaml."""
    folder = Path(shutil.copytree(REPO / "config", tmp_path_factory.mktemp("values") / "config"))
    (folder / "config.yaml").write_text(COLLECTION)
    return folder


def use(config: Path, file: str) -> None:
    """Read a file as planning does, and plan what it is about."""
    forget()
    folder, _, name = file.partition("/")
    match folder:
        case "config":
            plan_all(config)
        case "claims":
            load_claims(config / "claims.yaml")
        case "targets":
            load.load_target_points(config)
        case "coresets":
            load.coreset_config(config, "digits", 10, name)
        case "datasets":
            for method in ("ce", "kcl", "paco", "bcl"):
                plan(config, name, 10, method, 0)
        case "methods":
            for method in USERS.get(file, (name,)):
                plan(config, "digits", 10, method, 0)


def plan_all(config: Path) -> None:
    workflow = load.load_workflow(config)
    for collection in workflow.collections.values():
        for part in collection.parts().values():
            runs = collection.runs_of(part)
            for method in runs.methods:
                plan(config, runs.datasets[0], runs.factors[0], method, runs.seeds[0])


def plan(config: Path, dataset: str, factor: Factor, method: str, seed: int) -> None:
    """Make every stage's configuration, and the time it asks for."""
    own = load.load_dataset(config, dataset)
    for stage in load.load_method(config, method).stages:
        run = load.run_config(config, dataset, factor, method, seed, stage)
        images = training_images(config / "not_drawn.csv", factor, own)
        frozen = stage == "finetune"
        costs = Costs(own.resources)
        estimate = costs.training(run.settings, run.data, run.backbone, images, frozen=frozen)
        assert minutes(estimate, RUNTIME) > 0


def refusal(config: Path, file: str, text: str) -> str:
    """Return what is said of a file with another text."""
    path = config / f"{file}.yaml"
    before = path.read_text()
    path.write_text(text)
    try:
        with pytest.raises(UserError) as error:
            use(config, file)
        return str(error.value)
    finally:
        path.write_text(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        # --- names and labels ---
        (DATASET, "label: Digits", "label: 'a | b'", "label: the label 'a | b' has '|', markup"),
        (DATASET, "label: Digits", "label: '<b>'", "has '<', markup. Leave it out."),
        (DATASET, "label: Digits", "label: 'my `data`'", "has '`', markup"),
        (DATASET, "label: Digits", "label: 'costs $5'", "has '$', markup"),
        (DATASET, "label: Digits", 'label: "a\\nb"', r"has '\n', which is not printed"),
        (DATASET, "label: Digits", 'label: "a\\u202eb"', r"has '\u202e', which is not printed"),
        (DATASET, "label: Digits", "label: ''", "label: the label '' is blank. Write what tables"),
        (DATASET, "label: Digits", "label: ' x'", "begins or ends with a blank. Leave it out."),
        (DATASET, "label: Digits", "label: --pdf", "begins like an option. Leave the '-' out."),
        (DATASET, "label: Digits", f"label: {'x' * 101}", "has 101 letters. Write at most 100."),
        (
            DATASET,
            "label: Digits",
            "label: 7",
            "label: Input should be a valid string, but it is 7",
        ),
        (KCL, "label: KCL", "label: 'K*L'", "methods/kcl.yaml: label: the label 'K*L' has '*'"),
        (DATASET, "weak: tilt", "we ak: tilt", "augmentations.we ak: 'we ak' is no name"),
        (DATASET, "weak: tilt", "weak: a/b", "Name it 'a_b'."),
        (PROCO, "coreset: glister", "coreset: ../x", "prototypes.coreset: '../x' is no name"),
        (PROCO, "coreset: glister", "coreset: glistr", "its coreset: coreset 'glistr' is unknown"),
        (M2M, "guide: ce", "guide: $(x)", "guide: '$(x)' is no name"),
        (M2M, "guide: ce", "guide: cee", "train: its guide: method 'cee' is unknown"),
        (M2M, "guide: ce", "guide: m2m_ldam", "is not a one-stage method with a linear classifier"),
        (KCL, "extends: base/moco", "extends: ../kcl", "extends: method '../kcl' is unknown"),
        (KCL, "extends: base/moco", "extends: base/mocco", "Did you mean 'base/moco'?"),
        # --- a dataset's numbers ---
        (
            DATASET,
            "depth: 8",
            "depth: 9",
            "depth: a CIFAR ResNet has 6n+2 layers, not 9. Write 8 or 14.",
        ),
        (DATASET, "depth: 8", "depth: 2", "depth: Input should be greater than or equal to 8"),
        (DATASET, "depth: 8", "depth: 2000", "depth: Input should be less than or equal to 1202"),
        (
            DATASET,
            "{kind: cifar, depth: 8}",
            "{kind: imagenet, depth: 18}",
            "depth: Input should be",
        ),
        (DATASET, "{kind: cifar, depth: 8}", "{kind: vit, depth: 8}", "backbone: Input tag 'vit'"),
        (DATASET, "split_seed: 0", "split_seed: -1", "split_seed: Input should be greater than or"),
        (DATASET, "split_seed: 0", "split_seed: 4294967296", "Write 4294967295 or less."),
        (DATASET, "seed: 0}", "seed: -3}", "source.digits.seed: Input should be greater"),
        (DATASET, "test_fraction: 0.2", "test_fraction: 20", "test_fraction: Input should be less"),
        (DATASET, "mean: [0.305,", "mean: [.nan,", "mean.0: nan is not a finite number. Change"),
        (
            DATASET,
            "mean: [0.305, 0.305, 0.305]",
            "mean: [78, 78, 78]",
            "Divide by 255: [0.3059, 0.3059",
        ),
        (DATASET, "mean: [0.305,", "mean: [-0.3,", "mean: a mean of -0.3 is not of pixels in 0..1"),
        (
            DATASET,
            "mean: [0.305, 0.305,",
            "mean: [0.305,",
            "mean.2: the list is too short. Add to it",
        ),
        (DATASET, "std: [0.376,", "std: [0,", "std: a standard deviation of 0 is not of pixels"),
        (DATASET, "std: [0.376,", "std: [.inf,", "std.0: inf is not a finite number. Change"),
        (DATASET, "std: [0.376,", "std: [95.9,", "Divide by 255: [0.3761"),
        (
            DATASET,
            "classes: 10",
            "classes: 1",
            "classes: Input should be greater than or equal to 2",
        ),
        (DATASET, "image_size: 8", "image_size: 0", "image_size: Input should be greater"),
        (
            DATASET,
            "many_above: 50",
            "many_above: 5",
            "a class of 6 images has many and few of them",
        ),
        (DATASET, "many_above: 50", "many_above: 0", "many_above: Input should be greater than or"),
        (DATASET, "threads: 1", "threads: 0", "resources.threads: Input should be greater than or"),
        (
            DATASET,
            "threads: 1",
            "threads: 4000",
            "threads: Input should be less than or equal to 1024",
        ),
        (
            DATASET,
            "threads: 1",
            "threads: 4",
            "resources: portable arithmetic is on one thread, but threads is 4. Write threads: 1",
        ),
        (
            DATASET,
            "arithmetic: portable",
            "arithmetic: portabel",
            "resources.arithmetic: Input should be 'native' or 'portable'",
        ),
        (DATASET, "mem_mb: 2000", "mem_mb: 2 GB", "mem_mb: Input should be a valid integer"),
        (DATASET, "images_per_second: 2000", "images_per_second: 0", "Write 1 or more."),
        (
            DATASET,
            "largest_class: 140",
            "largest_class: 0",
            "largest_class: Input should be greater",
        ),
        # --- augmentations ---
        (
            DATASET,
            "size: 2}",
            "size: 9}",
            "recipes.tilt_cutout.1.size: a square of 9 is larger than",
        ),
        (DATASET, "size: 2}", "size: 0}", "size: Input should be greater than or equal to 1"),
        (DATASET, "scale: [0.85, 1.15]", "scale: [1.15, 0.85]", "no range. Write [0.85, 1.15]."),
        (DATASET, "scale: [0.85, 1.15]", "scale: [85, 115]", "scale.0: Input should be less"),
        (DATASET, "degrees: 15", "degrees: -15", "affine.degrees: Input should be greater than or"),
        (DATASET, "translate: 0.1", "translate: 10", "Write 1 or less. 10 % is 0.1."),
        (DATASET, "op: cutout, size: 2", "op: cutuot, size: 2", "Did you mean 'cutout'?"),
        # --- training ---
        (BASE, "lr: 0.1", "lr: .inf", "pretrain.optimizer.lr: inf is not a finite number"),
        (
            BASE,
            "lr: 0.1",
            "lr: .nan",
            "lr: nan is not a finite number. Change it.",
        ),
        (
            BASE,
            "lr: 0.1",
            "lr: 0",
            "lr: Input should be greater than 0, but it is 0. Write a number",
        ),
        (BASE, "lr: 0.1", "lr: 1.0e-300", "lr: 1e-300 is as good as 0. Write 1e-12 or more."),
        (BASE, "lr: 0.1", "lr: 1.0e+300", "lr: Input should be less than or equal to 1000000000"),
        (
            BASE,
            "lr: 0.1",
            "lr: 1e-3",
            "`1e-3` is text in YAML 1.1 and 0.001 in YAML 1.2. Write 1.0e-3, or",
        ),
        (BASE, "lr: 0.1", "lr: 1.5e3", "Write 1.5e+3, or"),
        (BASE, "lr: 0.1", "lr: '0.1'", "Write 0.1, without quotes."),
        (BASE, "lr: 0.1", "lr: fast", "but it is 'fast'. Write a number."),
        (BASE, "lr: 0.1", "lr: ", "optimizer.lr: Input should be a valid number, but it is None"),
        (BASE, "momentum: 0.9,", "momentum: 1.0,", "momentum: Input should be less than 1"),
        (
            BASE,
            "weight_decay: 0.0001",
            "weight_decay: -0.0001",
            "weight_decay: Input should be greater",
        ),
        (
            BASE,
            "epochs: 1000",
            "epochs: 0",
            "pretrain.epochs: Input should be greater than or equal",
        ),
        (
            BASE,
            "epochs: 1000",
            "epochs: 1e3",
            "`1e3` is text in YAML 1.1 and 1000.0 in YAML 1.2",
        ),
        (
            BASE,
            "epochs: 1000",
            "epochs: 4000000000",
            "epochs: Input should be less than or equal to 2",
        ),
        (FINETUNE, "at: [0.7, 0.9, 0.95]", "at: [140, 180, 190]", "140 is no share of the epochs"),
        (
            FINETUNE,
            "at: [0.7, 0.9, 0.95]",
            "at: [0.7, 0.7, 0.95]",
            "'at' does not rise: [0.7, 0.7, 0.95]",
        ),
        (
            FINETUNE,
            "at: [0.7, 0.9, 0.95]",
            "at: [0.9, 0.7, 0.95]",
            "Write [0.7, 0.9, 0.95], with a factor",
        ),
        (
            FINETUNE,
            "at: [0.7, 0.9, 0.95]",
            "at: [0.7, 0.9]",
            "'at' has 2 entries, 'factors' 3. Write a",
        ),
        (
            CLASSIFIER,
            "warmup: 0.025",
            "warmup: 5",
            "5 is no share of the epochs, which is from 0 to 1",
        ),
        (TSC, "cycles: 2", "cycles: 0", "cycles: Input should be greater than or equal to 1"),
        (
            CLASSIFIER,
            "evaluate_every: 5",
            "evaluate_every: 0",
            "evaluate_every: Input should be greater",
        ),
        (CLASSIFIER, "batch_size: 128", "batch_size: 1", "batch_size: Input should be greater"),
        (BASE, "augmentation: contrastive", "augmentation: strog", "there is no 'strog'"),
        # --- methods ---
        (
            BASE,
            "key_momentum: 0.999",
            "key_momentum: 1.0",
            "key_momentum: Input should be less than 1",
        ),
        (BASE, "queue: 4096", "queue: 4000", "batch_size (256). Write a queue of 4096."),
        (BASE, "drop_last: true", "drop_last: false", "Write drop_last: true."),
        (
            BASE,
            "drop_last: true",
            "drop_last: 1",
            "drop_last: Input should be a valid boolean, but it is 1",
        ),
        (
            BASE,
            "groups: 8",
            "groups: 3",
            "Write another divisor, such as 1.",
        ),
        (BASE, "projection: [64, 128]", "projection: [64]", "projection.1: the list is too short"),
        (BASE, "projection: [64, 128]", "projection: [64, 128, 2]", "Write 2 of them."),
        (
            KCL,
            "from_queue: 6",
            "from_queue: 5000",
            "positives.from_queue (5000) is more than queue (4096)",
        ),
        (
            KCL,
            "from_queue: 6",
            "from_queue: -1",
            "methods/kcl.yaml: pretrain.positives.from_queue: ",
        ),
        (
            KCL,
            "value: 0.07",
            "value: 0",
            "temperature.constant.value: Input should be greater than 0",
        ),
        (PROCO, "alpha: 0.8", "alpha: 80", "Write 1 or less. 80 % is 0.8."),
        (
            "methods/kcl_inbatch",
            "pretrain:\n",
            "pretrain:\n  groups: 4\n",
            "groups (4) hold both views of an image each",
        ),
        (
            PROCO,
            "query_views: 2",
            "query_views: 3",
            "query_views: Input should be 1 or 2, but it is 3",
        ),
        (
            PACO,
            "temperature: 0.05",
            "temperature: -1",
            "train.temperature: Input should be greater",
        ),
        (
            BCL,
            "contrast_weight: 0.6",
            "contrast_weight: -1",
            "contrast_weight: Input should be greater",
        ),
        (
            BCL,
            "class_weight: 2.0\n  contrast_weight: 0.6",
            "class_weight: 0\n  contrast_weight: 0",
            "both 0",
        ),
        (M2M, "confidence: 0.9", "confidence: 90", "Write 1 or less. 90 % is 0.9."),
        (
            M2M,
            "steps: 10",
            "steps: 0",
            "synthesis.steps: Input should be greater than or equal to 1",
        ),
        (M2M, "start: 0.8", "start: 160", "start: 160 is no share of the epochs"),
        (LDAM, "scale: 30.0", "scale: 0", "train.loss.ldam.scale: Input should be greater than 0"),
        (
            TSC,
            "centroid_momentum: 0.9",
            "centroid_momentum: 1",
            "centroid_momentum: Input should be less",
        ),
        (CE, "label: CE", "label: CE\npretrain: {}", "pretrain.objective: missing key"),
        # --- coresets and targets ---
        (
            "coresets/random",
            "fraction: 0.1",
            "fraction: 0",
            "fraction: Input should be greater than 0",
        ),
        ("coresets/random", "fraction: 0.1", "fraction: 10", "10 % is 0.1."),
        (
            "coresets/random",
            "floor: 5",
            "floor: 0",
            "floor: Input should be greater than or equal to 1",
        ),
        (
            "coresets/random",
            "seed: 0",
            "seed: -1",
            "seed: Input should be greater than or equal to 0",
        ),
        ("coresets/random", "seed: 0", "seed: 0\neta: 0.1", "'glister' needs 'eta' and 'proxy'"),
        (
            "coresets/full",
            "fraction: 1.0",
            "fraction: 0.5",
            "kind 'full' keeps every image, but fraction is",
        ),
        ("coresets/glister", "eta: 0.01", "eta: .inf", "eta: inf is not a finite number."),
        ("targets", "seed: 0", "seed: -1", "seed: Input should be greater than or equal to 0"),
        ("targets", "lr: 0.001", "lr: 1e-3", "Write 1.0e-3, or"),
        (
            "targets",
            "temperature: 0.07",
            "temperature: 0",
            "temperature: Input should be greater than 0",
        ),
        # --- tables and figures ---
        (CONFIG, "seeds: [0, 1]", "seeds: [0, 0]", "table1.features.seeds: '0' is listed twice"),
        (CONFIG, "seeds: [0, 1]", "seeds: []", "but it is []. Write at least 1."),
        (
            CONFIG,
            "seeds: [0, 1]",
            "seeds: [-1]",
            "seeds.0: Input should be greater than or equal to 0",
        ),
        (CONFIG, "seeds: [0, 1]", "seeds: [4294967296]", "Write 4294967295 or less."),
        (
            CONFIG,
            "factors: [10, 100]",
            "factors: [10, 10]",
            "factors: '10' is listed twice. Leave one out.",
        ),
        (CONFIG, "methods: [ce, kcl]", "methods: [ce, ce]", "methods: 'ce' is listed twice"),
        (CONFIG, "methods: [ce, kcl]", "methods: [ce, 'k c']", "methods.1: 'k c' is no name"),
        (
            CONFIG,
            "methods: [ce, kcl]",
            "methods: [ce, kc]",
            "table2.methods: method 'kc' is unknown",
        ),
        (CONFIG, "methods: [ce, kcl]", "methods: [ce, base/moco]", "'base/moco' is no name"),
        (
            CONFIG,
            "datasets: [digits]",
            "datasets: [digits, digits]",
            "datasets: 'digits' is listed twice",
        ),
        (
            CONFIG,
            "datasets: [digits]",
            "datasets: [digit]",
            "table1.datasets: dataset 'digit' is unknown",
        ),
        (
            CONFIG,
            "datasets: [digits]",
            "datasets: digits",
            "but it is 'digits'. Write a list, in [ ].",
        ),
        (CONFIG, "methods: [kcl]", "methods: [ce]", "table1.methods: 'ce' has no stage 'pretrain'"),
        (
            CONFIG,
            "methods: [kcl, kcl_proco]",
            "methods: [kcl, ce]",
            "table4.methods: 'ce' has no stage",
        ),
        (
            CONFIG,
            "methods: [kcl, kcl_proco]",
            "methods: [kcl, tsc]",
            "whose steps change during training",
        ),
        (
            CONFIG,
            "methods: [cogloat]",
            "methods: [kcl]",
            "'kcl' has no adaptive temperature on 'digits'",
        ),
        (CONFIG, "methods: [cogloat]", "methods: [ce]", "temperatures.methods: 'ce' has no stage"),
        (
            CONFIG,
            "rarest: 4",
            "rarest: 11",
            "rarest: 'digits' has 10 classes, not 11. Write at most 10.",
        ),
        (CONFIG, "rarest: 4", "rarest: 1", "rarest: Input should be greater than or equal to 2"),
        (
            CONFIG,
            "tsne_seed: 0",
            "tsne_seed: -1",
            "tsne_seed: Input should be greater than or equal",
        ),
        (CONFIG, "of: table2}", "of: table4}", "figures.curves.of: 'table4' is no accuracy table"),
        (CONFIG, "of: table2}", "of: table3}", "Did you mean 'table2'?"),
        (
            CONFIG,
            "reference: ce}",
            "reference: paco}",
            "reference: 'paco' is not in table2. Known: ce, kcl",
        ),
        (CONFIG, "rounds: 2", "rounds: 0", "rounds: Input should be greater than or equal to 1"),
        (CONFIG, "steps: 1", "steps: 0", "steps: Input should be greater than or equal to 1"),
        (CONFIG, "printed: table1", "printed: ../x", "printed: '../x' is no name"),
        (CONFIG, "      table4:", "      my table:", "tables.my table: 'my table' is no name"),
        (CONFIG, "      table4:", "      Table2:", "table2 and Table2 are one file on some disks"),
        (CONFIG, "      table4:", "      CLAIMS:", "tables.CLAIMS: this file is another one's"),
        (CONFIG, "  mine:\n", "  Runs:\n", "collections.Runs: results/Runs is taken. Rename it."),
        (CONFIG, "  mine:\n", "  $(x):\n", "collections.$(x): '$(x)' is no name"),
        (
            CONFIG,
            "    claims: true",
            "  empty: {tables: {}}",
            "collections.empty: the collection has no table",
        ),
        (
            CONFIG,
            "confidence: 0.95",
            "confidence: 2",
            "confidence: 2 is no confidence, a probability",
        ),
        (CONFIG, "confidence: 0.95", "confidence: 95", "Write 0.95."),
        (CONFIG, "confidence: 0.95", "confidence: 99", "Write 0.99."),
        (CONFIG, "confidence: 0.95", "confidence: 0", "confidence: 0 is no confidence"),
        (
            CONFIG,
            "margin: 2.0",
            "margin: 0.5",
            "runtime.margin: Input should be greater than or equal",
        ),
        (CONFIG, "margin: 2.0", "margin: .inf", "runtime.margin: inf is not a finite number"),
        (
            CONFIG,
            "start: 20",
            "start: 0",
            "runtime.start: Input should be greater than or equal to 1",
        ),
        (CONFIG, "collection: mine", "collection: yours", "collection: 'yours' is unknown"),
        # --- claims ---
        ("claims", "level: 0.05", "level: 5", "level: Input should be less than 1, but it is 5"),
        (
            "claims",
            "printed_seeds: 3",
            "printed_seeds: 1",
            "printed_seeds: Input should be greater",
        ),
        (
            "claims",
            "half_digit: 0.05",
            "half_digit: .nan",
            "half_digit: nan is not a finite number",
        ),
        ("claims", "where: Abstract", 'where: "a\\e[31mb"', r"has '\x1b'. Leave it out."),
    ],
)
def test_what_is_no_value_is_told_with_what_to_write(config, file, old, new, words):
    text = (config / f"{file}.yaml").read_text()
    assert old in text
    said = refusal(config, file, text.replace(old, new, 1))
    assert words in said
    for line in said.splitlines():
        assert line.startswith(f"{config}/")
        assert line.isprintable()
        assert line.endswith((".", "?"))


def test_printed_tables_are_asked_for_where_claims_are(config):
    text = COLLECTION.replace("        printed: table1\n", "").replace(
        "        printed: table2\n", ""
    )
    said = refusal(config, CONFIG, text)
    assert "collections.mine.claims: they are about table1, table2, " in said
    assert said.endswith("Add one, or write claims: false.")


def test_methods_that_guide_each_other_are_refused(config):
    linear = "  loss: {kind: cross_entropy}\n"
    text = (config / f"{M2M}.yaml").read_text().replace("train:\n", f"train:\n{linear}")
    said = refusal(config, M2M, text.replace("guide: ce", "guide: m2m_ldam"))
    assert "m2m_ldam.yaml: train: its guide: 'm2m_ldam' needs itself in turn. Name another." in said


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("data/{x}.txt", "its scales: the path 'data/{x}.txt' has {x}. Known: classes, dataset"),
        ("data/{class}.txt", "has {class}. Did you mean 'classes'?"),
        (
            "data/{.txt",
            "its scales: the path 'data/{.txt': expected '}' before end of string. Mend",
        ),
    ],
)
def test_file_that_a_room_needs_is_named_by_what_is_known(config, monkeypatch, path, words):
    needs = property(lambda self: {"scales": FileAt(path)})
    monkeypatch.setattr(Moco, "needs", needs)
    with pytest.raises(UserError) as error:
        use(config, KCL)
    assert str(error.value).startswith(f"{config}/methods/kcl.yaml: pretrain: its scales: the path")
    assert words in str(error.value)


def test_kernel_and_padding_are_held_against_the_images(config):
    text = (config / "datasets/digits.yaml").read_text()
    for operation, words in {
        "{op: blur, sigma: [0.1, 2.0], kernel: 12, p: 0.5}": "has no middle. Write 11 or 13.",
        "{op: blur, sigma: [2.0, 0.1], kernel: 3, p: 0.5}": "Write [0.1, 2].",
        "{op: blur, sigma: [0.1, 2.0], kernel: 17, p: 0.5}": "tilt_cutout.1.kernel: 17 is too",
        "{op: padded_crop, padding: 8}": "padding: with 8 a crop may miss an image of 8 pixels",
        "{op: random_resized_crop, scale: [20, 100]}": "20 % is 0.2.",
        "{op: random_resized_crop, scale: [1.0, 0.2]}": "Write [0.2, 1].",
        "{op: random_resized_crop, scale: [0.2, 1], ratio: [2, 1]}": "Write [1, 2].",
        "{op: color_jitter, brightness: 40, contrast: 0, saturation: 0, hue: 0, p: 1}": "40 % is",
        "{op: randaugment, operations: 0, magnitude: 9, fill: 0}": "operations: Input should be",
        "{op: randaugment, operations: 2, magnitude: 31, fill: 0}": "Write 30 or less.",
        "{op: autoaugment, policy: cifar10, fill: 256}": "Write 255 or less.",
    }.items():
        said = refusal(config, DATASET, text.replace("{op: cutout, size: 2}", operation))
        assert words in said, operation
    fits = "{op: blur, sigma: [0.1, 2.0], kernel: 15, p: 0.5}"
    (config / "datasets/fits.yaml").write_text(text.replace("{op: cutout, size: 2}", fits))
    use(config, "datasets/fits")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["ce (copy)", "$(touch x)", "-h", "{x}", "a&b", "a;b", "a\nb", "ünï", "x" * 65]
)
@pytest.mark.parametrize("folder", ["methods", "datasets", "coresets", "methods/base", "paper"])
def test_file_that_no_name_is_of_is_told_with_a_name(tmp_path, folder, name):
    config = Path(shutil.copytree(REPO / "config", tmp_path / "config"))
    stray = config / folder / f"{name}{'.csv' if folder == 'paper' else '.yaml'}"
    stray.touch()
    (told,) = odd_files(config)
    assert told.startswith(f"{str(stray)!r} is passed over: ")
    assert "is no name, which has letters (a to z), digits, _ and - only" in told
    assert told.isprintable()
    if folder in NAMED:
        assert name not in names(config, folder)


def test_what_editors_leave_is_passed_over_and_capitals_are_told(tmp_path):
    config = Path(shutil.copytree(REPO / "config", tmp_path / "config"))
    for name in (".ce.yaml.swp", "ce.yaml~", "._ce.yaml", ".#ce.yaml", "#ce.yaml#", "notes.txt"):
        (config / "methods" / name).touch()
    assert odd_files(config) == []
    (config / "methods" / "CE.yaml").touch()
    (told,) = odd_files(config)
    assert told.endswith(
        "CE.yaml and ce.yaml are one file on disks that do not know capitals. Rename one."
    )


@pytest.mark.parametrize(
    "name", ["my birds", "..", "-h", "{x}", "a\nb", "$(x)", "", "x" * 300, "a/b"]
)
def test_name_that_is_none_is_asked_for_in_vain(name):
    for arguments in ((name, 10, "ce", 0, "train"), ("digits", 10, name, 0, "train")):
        with pytest.raises(UserError, match="is no name, which has letters") as error:
            load.run_config(REPO / "config", *arguments)
        assert str(error.value).isprintable()
    with pytest.raises(UserError, match=r"coreset: .* is no name"):
        load.coreset_config(REPO / "config", "digits", 10, name)


# --- whatever a value is changed to, it is refused or planned with ---


DOCUMENTS = (DATASET, CONFIG, BASE, CLASSIFIER, KCL, PROCO, PACO, BCL, TSC, M2M, "targets")
NUMBERS = st.one_of(
    st.integers(-(10**40), 10**40),
    st.floats(),
    st.sampled_from([0, 1, -1, 2**31, 2**32, 0.5, 1.5, math.inf, math.nan, 5e-324, 1e300]),
)
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=70),
    st.sampled_from(["1e-3", "10", "a b", "$(x)", "..", "-h", "ce", "kcl", "glister", "queue"]),
)
VALUES = st.recursive(
    st.one_of(NUMBERS, TEXTS, st.booleans(), st.none()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the keys that lead to every value."""
    keys = {dict: lambda: value, list: lambda: range(len(value))}.get(type(value), tuple)()
    for key in keys:
        yield (*above, key)
        yield from places(value[key], (*above, key))


@pytest.mark.slow
@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), new=VALUES)
def test_any_value_is_refused_by_its_file_or_can_be_planned(config, data, new):
    file = data.draw(st.sampled_from(DOCUMENTS))
    path = config / f"{file}.yaml"
    before = path.read_text()
    document = copy.deepcopy(yaml.safe_load(before))
    place = data.draw(st.sampled_from(list(places(document))))
    section = document
    for key in place[:-1]:
        section = section[key]
    section[place[-1]] = new
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    try:
        use(config, file)
    except UserError as error:
        said = str(error)
        if not said.startswith("imbalance factor"):  # of the estimate
            assert str(config) in said
            keys = [str(key) for key in place if isinstance(key, str)]
            assert f"{file}.yaml" in said or any(key in said for key in keys)
            assert all(line.isprintable() for line in said.split("\n"))
    finally:
        path.write_text(before)
