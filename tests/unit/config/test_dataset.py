"""What a dataset's file says of its source is checked when it is read."""

from pathlib import Path

import pytest
import yaml
from scripts import REPO

from cogloat.config.address import file_name
from cogloat.config.dataset import Dataset
from cogloat.config.reading import validate
from cogloat.errors import UserError
from cogloat.runs.load import load_dataset
from cogloat.runs.named import names

CONFIG = REPO / "config"

DRAWN = {"images_per_class": 2, "seed": 0}
LISTS = {"kind": "list_file", "root": "images", "train": "train.txt", "test": "test.txt"}
DIGITS = yaml.safe_load((REPO / "config/datasets/digits.yaml").read_text())
CIFAR = {
    **{"kind": "torchvision_cifar", "name": "cifar10", "url": "https://a.org/b.tar.gz"},
    **{"sha256": "0" * 64},
}
OF_CIFAR = {"source": CIFAR, "classes": 10, "image_size": 32}


def read(**keys) -> Dataset:
    value = DIGITS | keys
    return validate(Dataset, value, {"mine.yaml": value})


def refused(**keys) -> str:
    with pytest.raises(UserError) as error:
        read(**keys)
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.org/b/c.tar.gz", "c.tar.gz"),
        ("HTTP://a.org:8080/c.tar.gz?download=1", "c.tar.gz"),
        ("https://a.org/an%20archive", "an archive"),
        ("file:///scratch/c.tar.gz", "c.tar.gz"),
        ("file://localhost/scratch/c.tar.gz", "c.tar.gz"),
        ("http://[::1]:80/c.tar.gz", "c.tar.gz"),
    ],
)
def test_address_names_its_file(url, name):
    source = read(**OF_CIFAR | {"source": CIFAR | {"url": url}}).source
    assert file_name(source.url) == name


HERE = Path.cwd().as_uri()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("/scratch/a b.tar.gz", "a path is no address; write file:///scratch/a%20b.tar.gz"),
        ("data/c.tar.gz", f"a path is no address; write {HERE}/data/c.tar.gz"),
        ("C:\\c.tar.gz", "a path is no address"),
        ("www.a.org/c.tar.gz", "a path is no address"),
        ("", "a path is no address"),
        ("https://a.org/a b", "character 16 is ' ', which no address can have"),
        ("https://a.org/b\n", r"character 16 is '\n', which no address can have"),
        ("https://ä.org/b", "character 9 is 'ä', which no address can have"),
        ("https://a.org:99999/b", "not an address (Port out of range 0-65535)"),
        ("https://a.org:x/b", "not an address (Port could not be cast"),
        ("http://[::1/b", "not an address (Invalid IPv6 URL)"),
        ("https://a.org:0/b", "it names no host; write https://host/path"),
        ("https:///b", "it names no host; write https://host/path"),
        ("https:b", "it names no host; write https://host/path"),
        ("https://a.org", "it ends without a file's name; write that of the archive at its end"),
        ("https://a.org/b/", "it ends without a file's name"),
        ("https://a.org/b/..", "it ends without a file's name"),
        ("https://a.org/%00", "it ends without a file's name"),
        ("https://me:secret@a.org/b", "an address with a user's name is not supported"),
        ("ftp://a.org/b", "'ftp' is none of http, https and file"),
        ("localhost:80/b", "'localhost' is none of http, https and file"),
        ("file://scratch/b", "a file's address is its whole path after file://, as in file:///a"),
        ("file:b", "a file's address is its whole path after file://"),
    ],
)
def test_address_that_leads_to_no_file_is_named_with_the_fix(url, words):
    message = refused(**OF_CIFAR | {"source": CIFAR | {"url": url}})
    assert message.startswith(f"mine.yaml: source.torchvision_cifar.url: {words}")
    assert message.endswith(f"but it is {url!r}. Change the value.")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"image_size": 16}, "image_size: must be 8 for the source 'digits', but it is 16. Change"),
        ({"classes": 3}, "classes: must be 10 for the source 'digits', but it is 3."),
        (
            OF_CIFAR | {"image_size": 64},
            "image_size: must be 32 for the source 'torchvision_cifar'",
        ),
        (OF_CIFAR | {"classes": 100}, "classes: must be 10 for the source 'torchvision_cifar'"),
        (
            OF_CIFAR | {"source": CIFAR | {"name": "cifar100"}},
            "classes: must be 100 for the source 'torchvision_cifar', but it is 10.",
        ),
        (
            OF_CIFAR | {"source": CIFAR | {"timeout": 0}},
            "source.torchvision_cifar.timeout: Input should be greater than 0, but it is 0.",
        ),
        (
            OF_CIFAR | {"source": CIFAR | {"timeout": 86400}},
            "source.torchvision_cifar.timeout: Input should be less than or equal to 3600",
        ),
        (
            {"source": {"kind": "image_folder", "path": "x", "background": 256}},
            "source.image_folder.background: Input should be less than or equal to 255",
        ),
    ],
)
def test_what_the_source_cannot_be_is_named_with_the_fix(keys, words):
    assert f"mine.yaml: {words}" in refused(**keys)


def test_of_files_a_dataset_has_the_size_and_classes_that_it_says():
    source = {"kind": "image_folder", "path": "x"}
    dataset = read(source=source, image_size=64, classes=3)
    assert (dataset.image_size, dataset.classes) == (64, 3)


def test_datasets_with_a_store_of_photographs_stay_out_of_dvc():
    """Neither their images nor what is made of them goes to a remote."""
    ignored = (REPO / ".dvcignore").read_text().splitlines()
    kept = {name: load_dataset(CONFIG, name) for name in names(CONFIG, "datasets")}
    photographs = {name: own for name, own in kept.items() if own.store is not None}
    assert {"imagenet_lt", "inaturalist18", "places_lt"} <= set(photographs)
    for name, own in photographs.items():
        assert f"/data/{name}" in ignored
        assert f"/{own.source.root}" in ignored


def test_a_list_of_validation_images_is_what_runs_are_judged_by():
    assert read(source=LISTS).judged_by is None
    assert read(source=LISTS | {"validation": "val.txt"}).judged_by == "listed"
    held_out = read(source=LISTS, validation=DRAWN).judged_by
    assert held_out is not None
    assert held_out.model_dump() == DRAWN


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {
                "source": LISTS | {"validation": "v.txt"},
                "validation": {"images_per_class": 2, "seed": 0},
            },
            "validation: the source has a list of validation images already. Leave out one of",
        ),
        (
            {"source": LISTS | {"blobs": {"validation": "0" * 40}}},
            "blobs.validation: there is no list 'validation'. Name one, or leave its blob out.",
        ),
        (
            {"source": LISTS | {"blobs": {"train": "xyz"}}},
            "source.list_file.blobs.train: 'xyz' is no blob id. Write the hexadecimal digits that",
        ),
        ({"store": {"short_side": 384}}, "store: the images of the source 'digits' are squares"),
        ({"source": LISTS, "store": {"short_side": 2}}, "store.short_side: "),
    ],
)
def test_lists_and_slots_that_do_not_fit_are_named(keys, message):
    assert message in refused(**keys)
