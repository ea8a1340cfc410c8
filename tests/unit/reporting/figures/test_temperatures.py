import pytest
from artefacts import COUNTS, effective, store_and_split
from drawing import refused, twice_the_same

from cogloat.config.reading import load
from cogloat.errors import UserError
from cogloat.methods.moco.settings import AdaptiveTemperature
from cogloat.reporting.figures.temperatures import read_temperatures
from cogloat.runs.effective import RunConfig
from plot_temperatures import main

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stages")
    store_and_split(folder)
    for method, stage in (("kcl", "pretrain"), ("cogloat", "pretrain"), ("ce", "train")):
        effective(folder / method / "config.json", method, stage)
    return folder


def files(folder, methods):
    return [folder / name / "config.json" for name in methods], [folder / "split.csv"] * len(
        methods
    )


def test_largest_class_comes_first_and_has_temperature_one(stages):
    (line,), constants = read_temperatures(*files(stages, ["cogloat", "kcl"]))
    assert line.counts_C.tolist() == sorted(COUNTS, reverse=True)
    gamma = load(RunConfig, stages / "cogloat" / "config.json").settings.temperature.gamma
    expected = [gamma + (1 - gamma) * count / max(COUNTS) for count in sorted(COUNTS)[::-1]]
    assert line.values_C.tolist() == pytest.approx(expected)
    assert line.label == f"digits, IF 60, γ = {gamma:g}"  # noqa: RUF001
    assert len(constants) == 1


def test_lines_of_other_heads_and_bases_are_told_apart(stages, tmp_path):
    """The same gamma, other temperatures: each its own line, which says in what it is another."""
    configs, (split, _) = files(stages, ["cogloat", "kcl"])
    for number, changes in enumerate([{"head": 0.5}, {"head": 0.5, "base": 2.0}]):
        temperature = AdaptiveTemperature(kind="adaptive", gamma=0.07, **changes)
        configs.append(tmp_path / f"{number}.json")
        effective(configs[-1], "cogloat", "pretrain", temperature=temperature)
    lines, _ = read_temperatures(configs, [split] * 4)
    assert [line.label.removeprefix("digits, IF 60, γ = 0.07") for line in lines] == [  # noqa: RUF001
        *("", ", head = 0.5", ", head = 0.5, base = 2"),
    ]
    shares = [count / max(COUNTS) for count in sorted(COUNTS)[::-1]]
    half = [0.07 + 0.43 * share for share in shares]
    assert lines[1].values_C.tolist() == pytest.approx(half)
    assert lines[2].values_C.tolist() == pytest.approx([2 * tau for tau in half])
    with pytest.raises(UserError, match=r"1\.json: settings\.temperature: .* is there twice"):
        read_temperatures([*configs, configs[-1]], [split] * 5)


def flags(folder, methods):
    configs, splits = files(folder, methods)
    return {"config": configs, "split": splits}


def test_figure_is_drawn(stages, tmp_path):
    drawn = twice_the_same(main, tmp_path, **flags(stages, ["cogloat", "kcl"]))
    assert sorted(drawn) == ["figure.pdf", "figure.png"]


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        (["cogloat", "ce"], "{folder}/ce/config.json: stage: 'train' has no contrastive temp"),
        (["kcl"], "{folder}/kcl/config.json: settings.temperature: none of the configurations"),
        (
            ["cogloat", "cogloat"],
            "{folder}/cogloat/config.json: settings.temperature: digits IF 60",
        ),
    ],
)
def test_without_a_line_to_draw_it_is_refused(stages, tmp_path, methods, message):
    refused(main, tmp_path, message.format(folder=stages), **flags(stages, methods))


def test_every_configuration_needs_a_split(stages, tmp_path):
    given = flags(stages, ["cogloat", "kcl"])
    given["split"] = given["split"][:1]
    refused(main, tmp_path, "--config has 2 files, --split 1.", **given)
