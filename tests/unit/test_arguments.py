"""A script's arguments are of the configuration's types: what is no value ends it at once."""

import argparse

import pytest
from scripts import REPO, run

from cogloat.arguments import of_type
from cogloat.config.types import Confidence, Count, Digest, Name, NonNegative, Seed, Threads

TRAIN = "--config c --store s --split p --output-dir o --scratch t"
EVALUATE = (
    "--config c --weights w --history h --store s --split p --provenance v --metrics m "
    "--confusion f --output-provenance o"
)
EMBEDDING = (
    "--config c --weights w --titles t --store s --split p --pdf f --png g --numbers n --seed 0"
)
TABULATE = "--metrics m --config c --output o --markdown d --means j"
FEATURES = (
    "--features f --config c --images train --space backbone --pairs ordered --output o "
    "--conventions v --markdown d"
)
TIMES = "--config c --store s --split p --output o"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "others", "flag", "value", "words"),
    [
        ("train.py", TRAIN, "--threads", "0", "greater than or equal to 1, but it is '0'. Write 1"),
        ("train.py", TRAIN, "--threads", "two", "integer, but it is 'two'. Write a whole number."),
        ("train.py", TRAIN, "--threads", "99999", "less than or equal to 1024"),
        (
            "train.py",
            TRAIN,
            "--save-every",
            "nan",
            "finite number, but it is 'nan'. Write a finite",
        ),
        ("train.py", TRAIN, "--save-every", "-1", "greater than or equal to 0, but it is '-1'"),
        ("train.py", TRAIN, "--save-every", "inf", "should be a finite number"),
        (
            "train.py",
            TRAIN,
            "--config-hash",
            "abc",
            "'abc' is no SHA-256. Write its 64 hexadecimal",
        ),
        ("train.py", TRAIN, "--config-hash", "A" * 64, "letters in lower case"),
        ("fetch.py", "--config c --dataset d --output o", "--threads", "0", "Write 1 or more."),
        ("split.py", "--labels l --factor 10 --output o", "--seed", "-1", "Write 0 or more."),
        ("split.py", "--labels l --factor 10 --output o", "--seed", "4294967296", "or less."),
        ("place_targets.py", "--dimension 8 --config c --output o", "--classes", "1", "Write 2 or"),
        ("place_targets.py", "--classes 8 --config c --output o", "--dimension", "0", "Write 1 or"),
        ("time_epochs.py", TIMES, "--rounds", "0", "Write 1 or more."),
        ("time_epochs.py", TIMES, "--steps", "0", "Write 1 or more."),
        ("time_epochs.py", TIMES, "--steps", "1.5", "Input should be a valid integer"),
        ("evaluate.py", f"{EVALUATE} --few-below 5", "--many-above", "-1", "Write 1 or more."),
        ("plot_embedding.py", EMBEDDING, "--classes", "0", "Write 1 or more."),
        ("tabulate_runs.py", TABULATE, "--confidence", "2", "2 is no confidence, a probability"),
        ("tabulate_runs.py", TABULATE, "--confidence", "95", "Write 0.95."),
        ("tabulate_features.py", FEATURES, "--confidence", "0", "0 is no confidence"),
        ("tabulate_features.py", FEATURES, "--confidence", "nan", "should be a finite number"),
    ],
)
def test_value_that_is_none_is_named_with_what_to_write(script, others, flag, value, words):
    done = run(script, *others.split(), flag, value)
    assert (done.returncode, done.stdout) == (2, "")
    (last,) = [line for line in done.stderr.splitlines() if "error: " in line]
    assert f"error: argument {flag}: " in last
    assert words in last


def test_groups_that_overlap_are_refused():
    done = run("evaluate.py", *EVALUATE.split(), "--many-above", 5, "--few-below", 20)
    assert done.returncode == 2
    assert (
        "a class of 6 images has many and few of them. Write at most 6 for few_bel" in done.stderr
    )


@pytest.mark.parametrize(
    "name", ["my birds", "../digits", "-h", "$(x)", "config/datasets/digits.yaml"]
)
def test_dataset_that_no_name_is_of_is_refused(tmp_path, name):
    done = run(
        "fetch.py", "--config", REPO / "config", f"--dataset={name}", "--output", tmp_path / "o"
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: dataset: {name!r} is no name, which has letters")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Count, "3", 3),
        (Threads, "1024", 1024),
        (Seed, "4294967295", 2**32 - 1),
        (NonNegative, "0", 0.0),
        (NonNegative, "1e-3", 0.001),
        (Confidence, "0.95", 0.95),
        (Digest, "0" * 64, "0" * 64),
        (Name, "cifar10-lt_2", "cifar10-lt_2"),
    ],
)
def test_value_is_read(kind, text, value):
    assert of_type(kind)(text) == value


@pytest.mark.parametrize("text", ["", " ", "0x10", "1e3", "٣", "9" * 5000, "-0.0", "None", "\0"])
def test_what_is_no_number_is_refused_in_one_line(text):
    with pytest.raises(argparse.ArgumentTypeError) as error:
        of_type(Count)(text)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 300
