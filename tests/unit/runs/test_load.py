"""What a mistake in config/ is answered with, and how an effective configuration comes about."""

import datetime
import itertools
import json
import math
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cogloat.config.reading import config_hash, dump, load
from cogloat.errors import UserError
from cogloat.runs.effective import CoresetConfig, RunConfig
from cogloat.runs.load import (
    as_workflow,
    coreset_config,
    expectations,
    load_dataset,
    load_method,
    load_workflow,
    method_of,
    run_config,
)
from cogloat.runs.named import names

REPO = Path(__file__).parents[3]
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of config/ with a folder name of its own, since what is read is remembered."""
    return Path(shutil.copytree(REPO / "config", tmp_path / "config"))


def edit(file: Path, old: str, new: str) -> Path:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return file


def message(function, *arguments) -> str:
    with pytest.raises(UserError) as error:
        function(*arguments)
    return str(error.value)


# --- mistakes ---


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "key_momentum: 0.999",
            "key_momentun: 0.999",
            "pretrain.key_momentun: unknown key. Did you mean 'key_momentum'?",
        ),
        ("key_momentum: 0.999", "# none", "pretrain.key_momentum: missing key. Add it"),
        (
            "  queue: 4096",
            "  # none",
            "pretrain.queue: missing key. "
            "Add it; it is: number of keys kept; a multiple of the batch size.",
        ),
        (
            "epochs: 1000",
            "epochs: many",
            "epochs: Input should be a valid integer, but it is 'many'. Write a whole number.",
        ),
        (
            "epochs: 1000",
            "epochs: 1000.5",
            "pretrain.epochs: Input should be a valid integer, but it is 1000.5",
        ),
        ("joint_views: true", "joint_views: 1", "pretrain.joint_views: Input should be a valid bo"),
        (
            "epochs: 1000",
            "epochs: 0",
            "pretrain.epochs: Input should be greater than or equal to 1, but it is 0",
        ),
        (
            "key_momentum: 0.999",
            "key_momentum: 1.5",
            "pretrain.key_momentum: Input should be less than 1, but it is 1.5",
        ),
        (
            "value: 0.07",
            "value: -0.07",
            "pretrain.temperature.constant.value: Input should be greater than 0, but it is -0.07",
        ),
        ("queue: 4096", "queue: 4000", "queue (4000) must be a multiple of batch_size (256)"),
        ("negatives: queue", "negatives: batch", "positives.from_queue needs negatives 'queue'"),
        ("negatives: queue", "negatives: cue", "pretrain.negatives: Input should be 'queue'"),
        (
            "epochs: 1000",
            "epochs: '1000'",
            "pretrain.epochs: Input should be a valid integer, but it is '1000'. Write 1000",
        ),
        (
            "label: KCL",
            "label: 7",
            "label: Input should be a valid string, but it is 7. Write a",
        ),
        (
            "label: KCL",
            "label: true",
            "label: Input should be a valid string, but it is True. W",
        ),
        (
            "temperature: {kind: constant, value: 0.07}",  # the base has a projection too
            "temperature: {kind: constant, value: 0.07}\n  projection: [64, -1]",
            "pretrain.projection.1: Input should be greater than or equal to 1, but it is -1",
        ),
    ],
)
def test_mistake_in_a_method_names_file_key_value_and_fix(config, old, new, expected):
    own, base = (config / "methods" / name for name in ("kcl.yaml", "base/moco.yaml"))
    file = edit(own if old in own.read_text() else base, old, new)
    text = message(load_method, config, "kcl")
    assert str(file) in text.partition(": ")[0]
    assert expected in text


def test_mistake_in_what_a_method_extends_is_looked_for_there(config):
    moco = config / "methods" / "base" / "moco.yaml"
    base = edit(moco, "key_momentum: 0.999", "key_momentum: 2.0")
    assert message(load_method, config, "cogloat_proco").startswith(f"{base}: pretrain.key_mom")


def test_mistake_in_what_a_method_adds_is_looked_for_in_its_own_file(config):
    own = edit(config / "methods" / "cogloat_proco.yaml", "alpha: 0.8", "alpha: 8")
    assert f"{own}: pretrain.prototypes.alpha" in message(load_method, config, "cogloat_proco")


def test_mistake_in_a_datasets_override_names_the_dataset(config):
    file = edit(config / "datasets" / "digits.yaml", "queue: 256", "queue: 250")
    text = message(run_config, config, "digits", 100, "kcl", 0, "pretrain")
    assert "queue (250) must be a multiple of batch_size (64)" in text
    other = edit(config / "datasets" / "cifar10.yaml", "max_margin: 0.5", "max_margn: 0.5")
    text = message(run_config, config, "cifar10", 100, "kcl", 0, "finetune")
    assert f"{other}: overrides.finetune.loss" in text
    assert "max_margn: unknown key. Did you mean 'max_margin'?" in text
    assert file.exists()


def test_objectives_override_wins_over_the_stages_and_reaches_no_other_method(config):
    dataset = config / "datasets" / "digits.yaml"
    edit(dataset, "  paco: {queue: 256,", "  paco: {epochs: 7, queue: 256,")
    paco = run_config(config, "digits", 100, "paco", 0, "train").settings
    assert (paco.epochs, paco.queue, paco.batch_size) == (7, 256, 64)
    assert run_config(config, "digits", 100, "ce", 0, "train").settings.epochs == 100


def own_of(config, lines):
    """Give single methods something of their own on the digits."""
    file = config / "datasets" / "digits.yaml"
    file.write_text(f"{file.read_text()}methods:\n{lines}")
    return file


def test_a_methods_own_keys_win_over_the_objectives_and_reach_no_other_method(config):
    own_of(config, "  kcl: {pretrain: {queue: 512, projection: [8, 4]}, finetune: {epochs: 9}}\n")
    kcl, cogloat = (
        run_config(config, "digits", 100, method, 0, "pretrain").settings
        for method in ("kcl", "cogloat")
    )
    assert (kcl.queue, kcl.projection, kcl.epochs) == (512, (8, 4), 100)
    assert (cogloat.queue, cogloat.projection) == (256, (64, 128))
    epochs = [
        run_config(config, "digits", 100, method, 0, "finetune").settings.epochs
        for method in ("kcl", "kcl_global", "cogloat")
    ]
    assert epochs == [9, 50, 50]  # not those of a method that extends it either


def test_mistake_in_a_methods_own_keys_names_the_dataset(config):
    file = own_of(config, "  kcl: {pretrain: {queue: 250}, finetune: {epoch: 9}}\n")
    text = message(run_config, config, "digits", 100, "kcl", 0, "pretrain")
    assert text.startswith(f"{file}: methods.kcl.pretrain: queue (250) must be a multiple")
    text = message(run_config, config, "digits", 100, "kcl", 0, "finetune")
    assert text.startswith(f"{file}: methods.kcl.finetune.epoch: unknown key.")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("  kcll: {train: {}}\n", "methods: method 'kcll' is unknown"),
        ("  kcl: {fintune: {}}\n", "methods.kcl.fintune: unknown key. Did you mean 'finetune'?"),
        (
            "  kcl: {backbone: {kind: cifar, depth: 9}}\n",
            "methods.kcl.backbone.cifar.depth: a CIFAR ResNet has 6n+2 layers",
        ),
    ],
)
def test_what_is_no_methods_own_is_named(config, lines, expected):
    file = own_of(config, lines)
    assert message(load_dataset, config, "digits").startswith(f"{file}: {expected}")


def test_a_method_may_have_a_backbone_of_its_own(config):
    own_of(config, "  ce: {backbone: {kind: imagenet, depth: 10}}\n")
    ce, ldam = (run_config(config, "digits", 1, own, 0, "train") for own in ("ce", "ldam"))
    assert (ce.backbone.kind, ce.backbone.depth) == ("imagenet", 10)
    assert (ldam.backbone.kind, ldam.backbone.depth) == ("cifar", 8)


@pytest.mark.parametrize(
    ("other", "method", "stage", "of"),
    [("ce", "m2m_ldam", "train", "guide"), ("kcl", "reading_ce", "finetune", "encoder")],
)
def test_weights_of_another_backbone_are_refused(config, other, method, stage, of):
    own_of(config, f"  {other}: {{backbone: {{kind: cifar, depth: 14}}}}\n")
    text = message(run_config, config, "digits", 1, method, 0, stage)
    assert (
        f"{stage}: its {of}: on 'digits', '{other}' has the backbone cifar 14, but '{method}' has "
        "cifar 8. Give both the same" in text
    )


def test_mistake_in_an_objectives_override_names_the_dataset(config):
    file = edit(config / "datasets" / "digits.yaml", "paco: {queue: 256", "paco: {queue: 250")
    text = message(run_config, config, "digits", 100, "paco", 0, "train")
    assert text.startswith(f"{file}: ")
    assert "overrides.paco: queue (250) must be a multiple of batch_size (64)" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  objective: paco\n", "", "train.objective: missing key. Add it"),
        ("objective: paco", "objective: pacoo", "train: Input tag 'pacoo' found"),
        (
            "queue: 1024",
            "queue: 1000",
            "train: queue (1000) must be a multiple of batch_size (128)",
        ),
        (
            "queue_labels: random",
            "queue_labels: all",
            "train.queue_labels: Input should be 'random'",
        ),
        ("  alpha: 0.01\n", "", "train.alpha: missing key. Add it; another file"),
        ("augmentation: strong", "augmentation: strog", "augmentations: there is no 'strog'"),
    ],
)
def test_mistake_in_a_method_with_an_objective_of_its_own_is_named(config, old, new, expected):
    edit(config / "methods" / "paco.yaml", old, new)
    assert expected in message(run_config, config, "digits", 100, "paco", 0, "train")


@pytest.mark.parametrize(
    ("method", "old", "new", "expected"),
    [
        ("focal", "gamma: 1.0", "gamma: 0.5", "gamma: must be 0 or at least 1, but it is 0.5"),
        (
            "cogloat",
            "head: 1.0",
            "head: 0.05",
            "temperature.adaptive: gamma (0.07) is more than head (0.05), so that rare classes",
        ),
        (
            "cogloat",
            "from_queue: none",
            "from_queue: 0",
            "from_queue: 0 is none here, but every same-class key in TSC's CIFAR code (its k of "
            "0). Write none or all.",
        ),
        (
            "tsc",
            "centroid_momentum: 0.9",
            "centroid_momentun: 0.9",
            "targets.centroid_momentun: unknown key. Did you mean 'centroid_momentum'?",
        ),
        (
            "m2m_ldam",
            "beta: 0.999",
            "beta: 1.0",
            "beta: Input should be less than 1, but it is 1.0",
        ),
    ],
)
def test_number_without_a_meaning_is_refused(config, method, old, new, expected):
    file = edit(config / "methods" / f"{method}.yaml", old, new)
    lines = message(load_method, config, method).splitlines()
    assert any(line.startswith(f"{file}: ") and expected in line for line in lines)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "start: 0.5",
            "start: 0.4",
            "targets.start (0.4) is epoch 400 of 1000, from 0, where none of schedule.cycles (2) "
            "begins, and with it a fresh optimizer. Write start: 0.5 with cycles: 2, or",
        ),
        ("start: 0.5", "start: 1.0", "targets.start (1) is epoch 1000 of 1000, from 0, where no"),
        ("cycles: 2", "cycles: 1", "targets.start (0.5) is epoch 500 of 1000, from 0, where none"),
        ("cycles: 2", "cycles: 3", "where none of schedule.cycles (3) begins"),
    ],
)
def test_targets_that_begin_within_a_cycle_are_refused(config, old, new, expected):
    file = edit(config / "methods" / "tsc.yaml", old, new)
    text = message(load_method, config, "tsc")
    assert text.startswith(f"{file} with ")
    assert expected in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cycles", "start"), [(1, 0.0), (2, 0.0), (3, 0.333), (4, 0.25), (4, 0.5), (10, 0.9)]
)
def test_targets_may_begin_with_any_cycle(config, cycles, start):
    file = config / "methods" / "tsc.yaml"
    edit(edit(file, "cycles: 2", f"cycles: {cycles}"), "start: 0.5", f"start: {start}")
    assert load_method(config, "tsc").pretrain.targets.start == start


@pytest.mark.parametrize("guide", ["ldam", "kcl"])
def test_guide_that_could_never_be_sure_is_refused(config, guide):
    file = edit(config / "methods" / "m2m_ldam.yaml", "guide: ce", f"guide: {guide}")
    text = message(load_workflow, config)
    assert text.startswith(f"{file}: train: its guide: '{guide}' is not a one-stage method")
    assert "with a linear classifier" in text
    assert "such as 'ce'" in text


def test_mistake_in_how_targets_are_placed_is_named(config):
    file = edit(config / "targets.yaml", "steps: 10000", "steps: 0")
    text = message(load_workflow, config)
    assert text == f"{file}: steps: Input should be greater than or equal to 1, but it is 0. " + (
        "Write 1 or more."
    )


def test_mistake_in_what_a_dataset_extends_is_looked_for_there(config):
    base = edit(config / "datasets/base/cifar.yaml", "depth: 32", "depth: 0")
    expected = (
        f"{base}: backbone.cifar.depth: Input should be greater than or equal to 8, but it is 0"
    )
    assert message(load_dataset, config, "cifar10").startswith(expected)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("weak: tilt", "weak: tlit", "augmentations.weak: there is no recipe 'tlit'"),
        (
            "  paco:",
            "  pacco:",
            "overrides: 'pacco' is no stage and no objective. Did you mean 'paco",
        ),
        ("label: Digits", "extends: digits", "extends: digits -> digits is a circle"),
        (
            "label: Digits",
            "extends: [digits]",
            r"extends: it must be one name, but it is \['digits'\]",
        ),
        ("label: Digits", "extends: base/cifr", "dataset 'base/cifr' is unknown"),
    ],
)
def test_mistake_in_a_dataset_is_named(config, old, new, expected):
    edit(config / "datasets" / "digits.yaml", old, new)
    with pytest.raises(UserError, match=expected):
        load_dataset(config, "digits")


def test_every_mistake_of_a_file_is_listed(config):
    file = config / "methods" / "base" / "classifier.yaml"
    edit(file, "batch_size: 128", "batch_sise: 128")
    edit(file, "lr: 0.1", "lr: -1")
    lines = message(load_method, config, "ce").splitlines()
    assert len(lines) == 3  # one key is unknown, one is missing, one value is out of range
    assert all(line.startswith(f"{file}: train.") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("digit", 10, "kcl", 0, "pretrain"), "dataset 'digit' is unknown.*Did you mean 'digits'"),
        (("digits", 10, "klc", 0, "pretrain"), "method 'klc' is unknown.*Did you mean 'kcl'"),
        (("digits", 10, "ce", 0, "pretrain"), "ce.yaml: has no stage 'pretrain'"),
    ],
)
def test_unknown_name_comes_with_the_nearest_known(config, arguments, expected):
    with pytest.raises(UserError, match=expected):
        run_config(config, *arguments)


def test_unknown_coreset_comes_with_the_nearest_known(config):
    with pytest.raises(UserError, match=r"coreset 'randm' is unknown.*Did you mean 'random'"):
        coreset_config(config, "digits", 10, "randm")
    edit(config / "methods" / "cogloat_proco.yaml", "coreset: glister", "coreset: glistr")
    with pytest.raises(UserError, match=r"coreset 'glistr' is unknown.*Did you mean 'glister'"):
        load_workflow(config)


def test_augmentation_that_the_dataset_lacks_is_named(config):
    file = edit(config / "datasets" / "digits.yaml", "  contrastive: tilt", "  contrast: tilt")
    text = message(run_config, config, "digits", 10, "kcl", 0, "pretrain")
    assert text.startswith(f"{file}: augmentations: there is no 'contrastive'.")
    assert "Did you mean 'contrast'?" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("collection: demo", "collection: dmo", "collection: 'dmo' is unknown. Did you mean 'demo"),
        ("factors: [100, 50, 10]", "factors: [0]", "factors.0: an imbalance factor is a whole"),
        (
            "factors: [100, 50, 10]",
            "factors: [0.5]",
            "factors.0: an imbalance factor is a whole number of at least 1",
        ),
        ("seeds: [0, 1, 2]", "seeds: [-1]", "seeds.0: Input should be greater than or equal to 0"),
        ("datasets: [digits]", "datasets: [digit]", "'digit' is unknown.*Did you mean 'digits'"),
        ("- kcl", "- klc", "'klc' is unknown.*Did you mean 'kcl'"),
        ("methods: [ce, kcl, cogloat, cogloat_proco]", "methods: []", "at least 1 item"),
        (
            "kind: accuracy",
            "kind: acuracy",
            "tables.table2: Input tag 'acuracy' found using 'kind'",
        ),
        (
            "printed: table1",
            "printed: table9",
            "printed: 'table9': there is no .*table9.csv. Did yo",
        ),
        ("table5:", "claims:", "tables.claims: this file is another one's. Rename"),
        ("table5:", "table1_conventions:", "table1_conventions: this file is another one's"),
        ("table5:", "table2_classes:", "tables.table2_classes: this file is another one's"),
        ("table5:", "a/b:", "collections.paper.tables.a/b"),
        ("      table5:", "      curves:", "'curves' is of kind curves here and of kind accuracy"),
        ("  demo:\n", "  runs:\n", "collections.runs: results/runs is taken. Rename it"),
        (
            "factors: [100]\n        methods: *temperatures",
            "factors: [100, 10]\n        methods: *temperatures",
            "give one of 'factors'",
        ),
        ("of: table2}", "of: table1}", "figures.curves.of: 'table1' is no accuracy table"),
        ("reference: ce}", "reference: ec}", "figures.frequency.reference: 'ec' is not in table2"),
        (
            "{kind: confusion, of: table2}",
            "{kind: confusion, of: table4}",
            "figures.confusion.of: 'table4' is no accuracy table",
        ),
        (
            "{kind: magnitudes, of: gradients}",
            "{kind: magnitudes, of: table2}",
            "figures.magnitudes.of: 'table2' is no gradients table of .*Did you mean|Known: grad",
        ),
        (
            "methods: &drawn [kcl,",
            "methods: &drawn [kcl, tsc,",
            "gradients.methods: 'tsc' has the objective 'tsc', but only gradients of 'moco' are",
        ),
        (
            "methods: &drawn [kcl,",
            "methods: &drawn [kcl, ce,",
            "gradients.methods: 'ce' has no stage 'pretrain', of which the kind 'gradients' is",
        ),
        ("part: refresh\n", "part: step\n", "refresh_times.*part: .*'epoch' or 'refresh'"),
        ("table5:", "gradients_classes:", "gradients_classes: this file is another one's"),
        (
            "seeds: [0, 1, 2]\n        rarest: 4\n",
            "seeds: [0, 1, 2]\n        rarest: 101\n",
            "separability.rarest: 'cifar100' has 100 classes, not 101",
        ),
        (
            "images: validation  # no",
            "images: validation\n        printed: table2  # no",
            "printed numbers are of the test set, but images is 'validation'. Leave out",
        ),
        (
            "    figures:\n      readings:\n",
            "    figures:\n      slow: {kind: curves, of: readings_pair}\n      readings:\n",
            "figures.slow.of: 'readings_pair' is of validation images, and the kind 'curves' shows",
        ),
        (
            "{method: ce_drw, less: ce,",
            "{method: ce_drw, less: cee,",
            "acceptance: differences: 'cee' is none of the table's methods. Did you mean 'ce'",
        ),
        ("window: [2.0, 6.0]", "window: [6.0, 2.0]", "from 6 to 2 is no range. Write .2, 6."),
        (
            "- readings_leaks\n",
            "- readings_leak\n",
            "readings.of: 'readings_leak' is no table of.*Did",
        ),
        ("- readings_leaks\n", "- readings_pair\n", "of: .*twice"),
        (
            "kind: leaks\n",
            "kind: features\n        convention: *convention\n",
            "figures.readings.of: two are of kind features. Leave one out",
        ),
        (
            "".join(
                f"          - readings_{own}\n"
                for own in ("classifiers", "temperatures", "pair", "prototypes", "kcl", "cogloat")
            ),
            "",
            "figures.readings.of: none of them is of kind accuracy. Add one",
        ),
        (
            "kind: leaks\n        datasets: [cifar10_readings]",
            "kind: leaks\n        datasets: [digits_readings]",
            "readings.of: 'readings_leaks' has other datasets than 'readings_classifiers'",
        ),
        (
            "images: validation\n",
            "images: test\n",
            "readings.of: 'readings_temperatures' has other images than 'readings_classifiers'",
        ),
        (
            "printed: &ratio {table: table1",
            "printed: &ratio {table: table9",
            "printed: 'table9': there is no .*table9.csv. Did yo",
        ),
        (
            "methods: *contrasts\n",
            "methods: [cogloat, paco]\n",
            "readings_leaks.methods: 'paco' has no stage 'pretrain', of which the kind 'leaks' is",
        ),
        (
            "methods: *contrasts\n",
            "methods: [cogloat, kcl_inbatch]\n",
            "leaks.methods: 'kcl_inbatch' has the objective 'supcon', which has no key encoder",
        ),
    ],
)
def test_mistake_in_the_collections_is_named(config, old, new, expected):
    edit(config / "config.yaml", old, new)
    with pytest.raises(UserError, match=expected):
        load_workflow(config)


def test_accuracies_on_held_out_images_need_some(config):
    file = config / "datasets" / "cifar10_readings.yaml"
    edit(file, "validation: {images_per_class: 500, seed: 0}", "")
    expected = "readings_classifiers.images: 'validation', but 'cifar10_readings' holds no images"
    with pytest.raises(UserError, match=expected):
        load_workflow(config)


def test_file_that_is_no_yaml_is_named_with_the_line(config):
    file = config / "datasets" / "digits.yaml"
    file.write_text("label: Digits\nsource: {kind: digits\n")
    text = message(load_dataset, config, "digits")
    assert (
        text
        == f"{file}: line 3: not valid YAML: a bracket or a quote of line 2 is not closed. "
        + ("Close it.")
    )


@pytest.mark.parametrize("content", ["", "just text", "[1, 2]"])
def test_file_that_holds_no_keys_is_refused(config, content):
    file = config / "datasets" / "digits.yaml"
    file.write_text(content)
    assert str(file) in message(load_dataset, config, "digits")


def test_missing_file_is_named(config):
    path = config / "none.json"
    assert message(load, RunConfig, path) == f"{path}: no such file. Check the path."


# --- what a file extends ---


def extending(config: Path, kind: str, **files: str) -> None:
    """Write files that say what they extend."""
    for name, above in files.items():
        (config / kind / f"{name}.yaml").write_text(f"extends: {above}\nlabel: mine\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a": "a"}, "a.yaml: extends: a -> a is a circle. Let one of them extend another file"),
        ({"a": "b", "b": "a"}, "b.yaml: extends: a -> b -> a is a circle."),
        ({"a": "b", "b": "c", "c": "b"}, "c.yaml: extends: b -> c -> b is a circle."),
        ({"a": "[ce]"}, "a.yaml: extends: it must be one name, but it is ['ce']. Write a name."),
        ({"a": "7"}, "a.yaml: extends: it must be one name, but it is 7. Write a name."),
        ({"a": "null"}, "a.yaml: extends: it must be one name, but it is None. Write a name."),
        ({"a": "true"}, "a.yaml: extends: it must be one name, but it is True. Write a name."),
        ({"a": "{b: c}"}, "a.yaml: extends: it must be one name, but it is {'b': 'c'}."),
        ({"a": "''"}, "a.yaml: extends: {kind} '' is unknown. Known: "),
        ({"a": "digit"}, "a.yaml: extends: {kind} 'digit' is unknown."),
        ({"a": "../{kind}s/base/x"}, "a.yaml: extends: {kind} '../{kind}s/base/x' is unknown."),
        ({"a": "./a"}, "a.yaml: extends: {kind} './a' is unknown."),
        ({"a": "a.yaml"}, "a.yaml: extends: {kind} 'a.yaml' is unknown."),
        ({"a": "/etc/passwd"}, "a.yaml: extends: {kind} '/etc/passwd' is unknown."),
        ({"a": "base"}, "a.yaml: extends: {kind} 'base' is unknown."),
        ({"a": '"b\\nc"'}, "a.yaml: extends: {kind} 'b\\nc' is unknown."),
    ],
)
@pytest.mark.parametrize(("kind", "read"), [("dataset", load_dataset), ("method", load_method)])
def test_what_a_file_cannot_extend_is_named(config, kind, read, files, expected):
    extending(
        config, f"{kind}s", **{n: above.replace("{kind}", kind) for n, above in files.items()}
    )
    text = message(read, config, "a")
    assert text.startswith(f"{config / f'{kind}s'}/{expected.replace('{kind}', kind)}")
    assert "\n" not in text


def test_name_that_is_nearly_one_above_is_suggested(config):
    extending(config, "datasets", a="base/cifr")
    assert message(load_dataset, config, "a").endswith("Did you mean 'base/cifar'?")


@pytest.mark.parametrize("content", ["- 1\n", "text\n", "7\n", "", "null\n"])
def test_what_a_file_extends_must_hold_keys(config, content):
    (config / "methods/base/mine.yaml").write_text(content)
    extending(config, "methods", a="base/mine")
    text = message(load_method, config, "a")
    assert text.startswith(f"{config / 'methods/base/mine.yaml'}: ")
    assert "Write `key: value` lines." in text


# --- what is given on the command line ---


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"collection": datetime.date(2024, 1, 1)},
            "collection: it is a date; if text is meant, it",
        ),
        (
            {"collections": {2024: {}}},
            "collections.2024: the key is the number 2024, and needs quo",
        ),
        ({"confidence": math.nan}, "confidence: nan is not a finite number"),
        ({"confidence": "high"}, "confidence: Input should be a valid number, but it is 'high'"),
        ({"collections_": "demo"}, "collections_: unknown key. Did you mean 'collections'?"),
    ],
)
def test_what_snakemake_reads_by_itself_is_checked_alike(config, change, expected):
    settings = yaml.safe_load((config / "config.yaml").read_text()) | change
    assert message(as_workflow, config, settings).startswith(
        f"{config / 'config.yaml'}: {expected}"
    )


# --- what the shipped files say ---


@pytest.mark.parametrize("coreset", ["glister", "random", "full"])
def test_effective_coreset_is_read_as_it_was_written(tmp_path, coreset):
    made = coreset_config(REPO / "config", "digits", 100, coreset)
    (tmp_path / "config.json").write_text(dump(made))
    assert load(CoresetConfig, tmp_path / "config.json") == made


def test_every_shipped_file_is_valid():
    config = REPO / "config"
    workflow = load_workflow(config)
    assert workflow.collections["paper"].tables["table2"].datasets == ("cifar10", "cifar100")
    for dataset in (config / "datasets").glob("*.yaml"):
        for method in (config / "methods").glob("*.yaml"):
            for stage in load_method(config, method.stem).stages:
                run_config(config, dataset.stem, 100, method.stem, 0, stage)
        for coreset in (config / "coresets").glob("*.yaml"):
            coreset_config(config, dataset.stem, 100, coreset.stem)


STAGE_2 = ("cross_entropy", "ldam")  # on CIFAR-100-LT and on CIFAR-10-LT, as the paper states it


@pytest.mark.parametrize(
    ("methods", "losses"),
    [
        (("kcl", "tsc"), ("ldam", "ldam")),  # TSC's supplement, of both sets
        (("cogloat", "cogloat_proco", "cogloat_supervised", "cogloat_k_positive"), STAGE_2),
        (("kcl_baseline", "kcl_adaptive", "kcl_global", "kcl_proco"), STAGE_2),
    ],
)
def test_second_stages_are_those_of_the_published_numbers(methods, losses):
    for method, (dataset, kind) in itertools.product(
        methods, zip(("cifar100", "cifar10"), losses, strict=True)
    ):
        stage = run_config(REPO / "config", dataset, 100, method, 0, "finetune").settings
        assert (stage.loss.kind, stage.reweight.kind) == (kind, "inverse_frequency")


def test_rows_of_table_5_differ_in_their_modules_alone():
    config = REPO / "config"
    table = load_workflow(config).collections["paper"].tables["table5"]
    one, *others = table.methods
    for dataset, factor in itertools.product(table.datasets, table.factors):
        first, second = (
            run_config(config, dataset, factor, one, 0, stage).settings
            for stage in ("pretrain", "finetune")
        )
        assert run_config(config, dataset, factor, "kcl", 0, "pretrain").settings == first
        for method in others:
            assert run_config(config, dataset, factor, method, 0, "finetune").settings == second
            own = run_config(config, dataset, factor, method, 0, "pretrain").settings
            changed = {key for key, value in own if getattr(first, key, None) != value}
            assert (
                changed
                == {
                    "kcl_adaptive": {"temperature"},
                    "kcl_proco": {"objective", "prototypes"},
                }[method]
            )


def test_m2m_accepts_more_of_what_is_made_where_classes_are_small():
    ten, hundred = (
        run_config(REPO / "config", dataset, 100, "m2m_ldam", 0, "train").settings.synthesis
        for dataset in ("cifar10", "cifar100")
    )
    assert (ten.beta, hundred.beta) == (0.999, 0.99)
    assert ten.model_copy(update={"beta": 0.99}) == hundred


# --- what to expect ---


def test_every_shipped_expectation_is_of_a_set_of_the_paper():
    config = REPO / "config"
    methods = names(config, "methods")
    found = expectations(config, methods)
    assert list(found) == methods
    known = {f"{data}_if{factor}" for data in ("cifar10", "cifar100") for factor in (100, 50, 10)}
    assert all(own.keys() <= known for own in found.values())
    assert found["ldam_drw"]["cifar10_if100"].window == (75.5, 78.5)
    assert found["kcl"] == found["tsc"] == {}  # what is published of them is of another framework
    assert found["cogloat_supervised"] != found["cogloat"]  # nothing of what it extends is its
    rows = ("ce", "ldam_drw", "balanced_softmax", "m2m_ldam", "paco", "bcl", "kcl_inbatch")
    assert all("cifar100_if100" in found[method] for method in (*rows, "cogloat"))


def test_what_is_expected_is_in_no_run_and_reaches_no_method_that_extends(config):
    """Its configuration is the same to the byte, and so is that of whatever extends it."""

    def written(methods: tuple[str, ...]) -> list[str]:
        return [
            dump(run_config(root, "digits", 10, method, 0, stage))
            for method in methods
            for stage in load_method(root, method).stages
        ]

    methods = ("kcl", "tsc", "kcl_proco", "ce", "ldam_drw", "m2m_ldam")
    root = config
    before = written(methods)
    assert not any("expect" in text or "published" in text for text in before)
    root = Path(shutil.copytree(config, config.parent / "other"))
    for name in ("kcl", "ce", "ldam"):
        file = root / "methods" / f"{name}.yaml"
        file.write_text(
            file.read_text().partition("expect:")[0]
            + "expect: {digits_natural: {mean: 12.5, window: [10.0, 20], source: a guess}}\n"
        )
    assert written(methods) == before
    found = expectations(root, methods)
    assert found["kcl"].keys() == found["ce"].keys() == {"digits_natural"}
    assert found["kcl"]["digits_natural"].mean == 12.5
    assert "digits_natural" not in found["tsc"] | found["ldam_drw"] | found["m2m_ldam"]
    assert found["kcl_proco"].keys() == {"cifar100_if100", "cifar100_if50", "cifar100_if10"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expected", "message_of_it"),
    [
        ("{digits_if10: {mean: 50.0}}", "expect.digits_if10.source: missing key. Add it"),
        ("{digits_if10: {source: mine}}", "expect.digits_if10.mean: missing key. Add it"),
        ("{digits_if10: {mean: 101, source: a}}", "mean: Input should be less than or equal to"),
        ("{digits_if10: {mean: 9, windw: [1, 9]}}", "windw: unknown key. Did you mean 'window'"),
        (
            "{digits_if10: {mean: 50, window: [51, 60], source: a}}",
            "expect.digits_if10: window: from 51 to 60 does not hold the mean (50). Write [50, 60]",
        ),
        (
            "{digits_if10: {mean: 50, window: [60, 40], source: a}}",
            "window: from 60 to 40 does not hold the mean (50). Write [40, 60]",
        ),
        ("{digit_if10: {mean: 50, source: a}}", "expect.digit_if10: dataset 'digit' is unknown"),
        ("{digits_10: {mean: 50, source: a}}", "expect.digits_10: '10' is no imbalance: it is"),
        ("{if10: {mean: 50, source: a}}", "expect.if10: dataset: '' is no name"),
    ],
)
def test_mistake_in_what_is_expected_is_named(config, expected, message_of_it):
    file = config / "methods" / "ce.yaml"
    file.write_text(file.read_text().partition("expect:")[0] + f"expect: {expected}\n")
    lines = message(load_workflow, config).splitlines()
    assert any(line.startswith(f"{file}: expect") and message_of_it in line for line in lines)


# --- what a run's configuration is made of ---


LDAM = {"kind": "ldam", "scale": 30.0, "max_margin": 0.5}
EFFECTIVE = {"kind": "effective_number", "beta": 0.9999, "start": 0.0}


@pytest.mark.parametrize(
    ("methods", "dataset", "batch", "loss", "reweight"),
    [
        # TSC's supplement: LDAM on both sets
        (("kcl_inbatch", "tsc_inbatch", "supcon", "simclr"), "cifar10", 128, LDAM, EFFECTIVE),
        (("kcl_inbatch", "tsc_inbatch", "supcon", "simclr"), "cifar100", 128, LDAM, EFFECTIVE),
        # the paper: cross-entropy on CIFAR-100-LT
        (
            *(("cogloat", "cogloat_inbatch", "cogloat_proco_inbatch"), "cifar10"),
            *(256, LDAM, {"kind": "inverse_frequency"}),
        ),
        (
            *(("cogloat", "cogloat_inbatch", "cogloat_proco_inbatch"), "cifar100"),
            *(256, {"kind": "cross_entropy"}, {"kind": "inverse_frequency"}),
        ),
    ],
)
def test_second_stage_is_the_published_one_or_the_papers_whatever_the_dataset_overrides(
    methods, dataset, batch, loss, reweight
):
    for method in methods:
        settings = run_config(REPO / "config", dataset, 100, method, 0, "finetune").settings
        assert settings.batch_size == batch
        assert settings.loss.model_dump() == loss
        assert settings.reweight.model_dump() == reweight


@pytest.mark.parametrize(
    ("method", "old", "new", "expected"),
    [
        (
            "kcl_inbatch",
            "from_batch: 6",
            "from_batch: 127",
            "positives.from_batch (127) is more than the 126 views of other images in a batch of "
            "64. Write from_batch: all, or a smaller number.",
        ),
        ("kcl_inbatch", "from_batch: 6", "from_batch: 0", "positives.from_batch"),
        (
            "tsc_inbatch",
            "objective: supcon_tsc",
            "objective: supcon_tsc\n  denominator: separate",
            "targets need denominator 'shared', but it is 'separate'. Write shared.",
        ),
        (
            "tsc_inbatch",
            "objective: supcon_tsc",
            "objective: supcon_tsc\n  positives: {from_dataset: 2}",
            "targets need positives.from_dataset 0, not 2. Write 0.",
        ),
    ],
)
def test_mistake_in_a_contrast_within_the_batch_is_named(config, method, old, new, expected):
    edit(config / "methods" / f"{method}.yaml", old, new)
    assert expected in message(run_config, config, "digits", 100, method, 0, "pretrain")


def test_extending_method_keeps_what_it_does_not_say(config):
    base, heir = load_method(config, "kcl").pretrain, load_method(config, "cogloat").pretrain
    assert base is not None
    assert heir is not None
    assert (heir.queue, heir.optimizer) == (base.queue, base.optimizer)
    assert heir.positives.from_dataset == 3
    assert load_method(config, "cogloat").label == "CoGloAT"


LINEAR = "extends: kcl\nencoder: kcl\nlabel: KCL, linear\n"


def test_method_may_put_its_classifier_on_anothers_encoder(config):
    (config / "methods" / "linear.yaml").write_text(f"{LINEAR}finetune: {{epochs: 7}}\n")
    assert load_method(config, "linear").stages == ("pretrain", "finetune")
    assert method_of(config, "linear", "pretrain") == "kcl"
    assert method_of(config, "linear", "finetune") == "linear"
    own, base = (run_config(config, "cifar100", 10, m, 3, "finetune") for m in ("linear", "kcl"))
    assert own.settings.epochs == 7
    assert own.settings == base.settings.model_copy(update={"epochs": 7})
    encoders = [run_config(config, "cifar100", 10, m, 3, "pretrain") for m in ("linear", "kcl")]
    assert encoders[0] == encoders[1]
    assert encoders[0].method == "kcl"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "label: A\nencoder: kcl\n",
            "with 'encoder' a method has the section 'finetune' alone, but it has none of them.",
        ),
        (
            f"{LINEAR}pretrain: {{epochs: 5}}\n",
            "encoder: with another method's encoder there is no section 'pretrain'. Leave one",
        ),
        (f"{LINEAR}train: {{epochs: 5}}\n", "train.objective"),
        (LINEAR.replace("encoder: kcl", "encoder: klc"), "encoder: method 'klc' is unknown"),
        (
            LINEAR.replace("encoder: kcl", "encoder: ce"),
            "encoder: 'ce' has no section 'pretrain' of its own. Name a method that has one",
        ),
        (
            LINEAR.replace("encoder: kcl", "encoder: other"),
            "encoder: 'other' has no section 'pretrain' of its own. Name a method that has one",
        ),
    ],
)
def test_encoder_that_cannot_be_is_named(config, text, expected):
    (config / "methods" / "linear.yaml").write_text(text)
    (config / "methods" / "other.yaml").write_text(LINEAR)
    told = message(load_method, config, "linear")
    assert told.startswith(f"{config / 'methods' / 'linear.yaml'}")
    assert expected in told


def test_tables_of_encoders_name_the_method_that_trained_it(config):
    (config / "methods" / "linear.yaml").write_text(LINEAR)
    edit(config / "config.yaml", "methods: &spaces [kcl, ", "methods: &spaces [linear, ")
    told = message(load_workflow, config)
    assert "tables.table1.methods: 'linear' stands on the encoder of 'kcl'. Name that one" in told


def test_extending_dataset_keeps_what_it_does_not_say(config):
    ten, hundred = (load_dataset(config, name) for name in ("cifar10", "cifar100"))
    assert ten.recipes == hundred.recipes
    assert (ten.backbone.depth, ten.classes, hundred.classes) == (32, 10, 100)


def test_views_are_made_by_the_recipes_that_the_dataset_gives_their_roles(config):
    """A tilt is a digit's `weak` and its `contrastive` view."""
    weak, contrastive = (
        run_config(config, "digits", 100, "kcl", 0, stage).data
        for stage in ("finetune", "pretrain")
    )
    assert weak.recipes == {"weak": "tilt"}
    assert contrastive.recipes == {"contrastive": "tilt"}
    tilt = load_dataset(config, "digits").recipes["tilt"]
    assert weak.augmentations["weak"] == contrastive.augmentations["contrastive"] == tilt


def test_section_of_another_kind_is_replaced_whole(config):
    """A constant temperature's `value` must not be left behind in an adaptive one."""
    pretrain = load_method(config, "cogloat").pretrain
    assert pretrain is not None
    assert pretrain.temperature.model_dump() == {
        **{"kind": "adaptive", "gamma": 0.07},
        **{"head": 1.0, "base": 1.0},
    }


def test_datasets_override_wins_over_the_method(config):
    stage = run_config(config, "digits", 100, "kcl", 0, "pretrain").settings
    assert (stage.queue, stage.batch_size) == (256, 64)
    assert stage.optimizer.lr == 0.1  # of the method: the dataset does not say
    proxy = coreset_config(config, "digits", 100, "glister").settings.proxy
    assert proxy is not None
    assert proxy.batch_size == 64


def test_effective_configuration_read_back_is_the_same(config, tmp_path):
    for method, stage in [
        *(("ce", "train"), ("m2m_ldam", "train"), ("paco", "train"), ("bcl", "train")),
        *(("cogloat_proco", "pretrain"), ("tsc", "pretrain"), ("kcl", "finetune")),
    ]:
        effective = run_config(config, "cifar10", 100, method, 2, stage)
        path = tmp_path / "config.json"
        path.write_text(dump(effective))
        assert load(RunConfig, path) == effective
        assert config_hash(load(RunConfig, path)) == config_hash(effective)


def test_hash_changes_with_a_number_and_not_with_a_comment(tmp_path):
    def hash_after(old: str, new: str) -> str:
        root = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        shutil.copytree(REPO / "config", root)
        files = (
            root / "methods" / f"{name}.yaml" for name in ("kcl", "base/moco", "base/finetune")
        )
        edit(next(file for file in files if old in file.read_text()), old, new)
        return config_hash(run_config(root, "digits", 100, "kcl", 0, "pretrain"))

    same = hash_after("label: KCL", "label: KCL")
    assert hash_after("label: KCL", "# a remark\nlabel: KCL") == same
    assert hash_after("weight_decay: 0.0001}", "weight_decay: 1.0e-4}") == same
    assert hash_after("weight_decay: 0.0001}", "weight_decay: 0.0002}") != same
    assert hash_after("weight_decay: 0.0}", "weight_decay: 0.1}") == same  # of the other stage


def test_hash_tells_runs_apart(config):
    runs = [
        (dataset, factor, method, seed)
        for dataset in ("cifar10", "cifar100")
        for factor in (10, 100)
        for method in ("kcl", "cogloat")
        for seed in (0, 1)
    ]
    hashes = {config_hash(run_config(config, *run, "finetune")) for run in runs}
    assert len(hashes) == len(runs)


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.text(min_size=1, max_size=9), st.integers(-9, 9) | TEXT | st.none()))
def test_any_keys_are_answered_with_a_message(tmp_path_factory, extra):
    """Whatever a file holds beside what it should, the answer is a UserError, never a crash."""
    raw = yaml.safe_load((REPO / "config" / "datasets" / "digits.yaml").read_text())
    config = tmp_path_factory.mktemp("any")
    (config / "datasets").mkdir()
    (config / "datasets" / "mine.yaml").write_text(json.dumps(raw | extra))
    if extra.keys() - raw.keys():
        expected = "extends: " if "extends" in extra else "unknown key"
        assert expected in message(load_dataset, config, "mine")
