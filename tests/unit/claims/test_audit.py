"""The audit of the paper: its transcribed tables, its claims, and the script."""

import csv
import json
import math
import re
import shutil
import subprocess
from dataclasses import replace
from decimal import Decimal

import pytest
from docutils import nodes
from docutils.core import publish_doctree
from markdown_it import MarkdownIt
from scripts import REPO, command, run

from cogloat.claims.judge import Judge
from cogloat.claims.names import vocabulary
from cogloat.claims.schema import load_claims
from cogloat.claims.tables import ROUNDING, Sampled, read_measured, read_printed

CLAIMS = REPO / "config" / "claims.yaml"
PAPER = REPO / "config" / "paper"


def arguments(folder, *, claims=CLAIMS, paper=PAPER, measured=None, overview=None):
    return [
        *("audit.py", "--claims", claims, "--paper", paper),
        *(("--measured", measured) if measured else ()),
        *(("--overview", overview) if overview else ()),
        *("--output", folder / "claims.csv", "--markdown", folder / "claims.md"),
    ]


def audit(folder, **files):
    return run(*arguments(folder, **files))


def findings(folder, **files):
    """Run the script and return its CSV, id -> row."""
    done = audit(folder, **files)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with open(folder / "claims.csv") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """Return the findings on the paper's numbers alone."""
    return findings(tmp_path_factory.mktemp("audit"))


@pytest.fixture
def edited(tmp_path):
    """Return a function: findings after the beginning of a printed table's line is replaced."""

    def edit(**tables):
        paper = shutil.copytree(PAPER, tmp_path / "paper")
        for table, changes in tables.items():
            text = (paper / f"{table}.csv").read_text()
            for old, new in changes.items():
                assert text.count(f"\n{old}") == 1, f"{table} has no line '{old}'"
                text = text.replace(f"\n{old}", f"\n{new}")
            (paper / f"{table}.csv").write_text(text)
        return findings(tmp_path, paper=paper)

    return edit


# --- the transcriptions ---


@pytest.mark.parametrize(
    ("table", "rows", "means", "stds"),
    [
        (1, 48, "45.90", "0"),
        (2, 73, "4768.4", "2.0"),
        (3, 26, "1200.7", "0"),
        (4, 24, "616.5", "0"),
        (5, 6, "301.0", "0.8"),
        (6, 9, "457.6", "1.2"),
    ],
)
def test_tables_have_the_papers_rows_and_sums(table, rows, means, stds):
    with open(PAPER / f"table{table}.csv") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == rows
    assert sum(Decimal(line["mean"]) for line in lines) == Decimal(means)
    assert sum(Decimal(line["std"] or 0) for line in lines) == Decimal(stds)


def test_column_sums_of_table_1():
    with open(PAPER / "table1.csv") as file:
        lines = list(csv.DictReader(file))
    sums = {}
    for line in lines:
        key = (line["dataset"], line["factor"])
        sums[key] = sums.get(key, 0) + Decimal(line["mean"])
    assert [str(total) for total in sums.values()] == [
        *("5.83", "6.13", "7.90"),
        *("8.51", "8.81", "8.72"),
    ]


# --- the claims ---


def test_ids_are_unique_and_there_are_enough():
    text = CLAIMS.read_text()
    ids = re.findall(r"^  (\w+):$", text, re.M)
    assert len(ids) == len(set(ids))
    claims = load_claims(CLAIMS)
    assert set(ids) == {*claims.claims, *claims.consistency}
    assert len(claims.claims) >= 35
    assert len(claims.consistency) >= 5


def test_classes_of_imagenet_lt_add_up():
    constants = load_claims(CLAIMS).constants
    groups = sum(constants[group]["imagenet_lt"] for group in ("many", "medium", "few"))
    assert groups == constants["classes"]["imagenet_lt"]


def test_every_expression_has_a_value_on_the_printed_tables():
    claims = load_claims(CLAIMS)
    source = read_printed(PAPER, claims.printed_seeds)
    judge = Judge(claims.level, source, vocabulary([source], claims.constants, claims.unprinted))
    unprinted = {
        *("any_framework", "adaptive_improves_moco", "proco_improves_moco", "labels_unbalance"),
        *("adequate_gradients", "balanced_positive_gradients", "adaptive_separates"),
        *("head_has_larger_negative_gradients", "coreset_represents_all", "prototypes_are_cheap"),
        *("symmetric_is_stable", "head_and_tail", "time_grows_with_k", "unsupervised_balances"),
    }
    for name, entry in (claims.claims | claims.consistency).items():
        outcome = judge.decide("", entry, claim=True)
        assert (outcome.verdict == "not printed") == (name in unprinted)
        assert (outcome.margin is None) == (entry.margin is None or name in unprinted)
        if entry.instead:
            other = {"margin": entry.instead.margin, "instead": None}
            assert judge.decide("", entry.model_copy(update=other), claim=True).margin is not None


# --- what the printed numbers say ---


@pytest.mark.parametrize(
    ("id_", "verdict", "cells", "margin", "at"),
    [
        ("all_of_own_rows", "fails", "0 of 2", -2.64, "imagenet_lt natural, kcl_rerun"),
        ("gain_on_imagenet", "holds", "1 of 1", 0.05, "imagenet_lt natural"),
        ("gain_is_of_accuracy", "fails", "0 of 1", -0.149, "imagenet_lt natural"),
        ("default_is_cogloat", "fails", "1 of 3", -0.9, "cifar100 IF 50"),
        ("outperforms_bcl", "fails", "0 of 6", -6.2, "cifar100 IF 50"),
        ("outperforms_paco", "fails", "0 of 3", -6.0, "cifar100 IF 100"),
        ("outperforms_tsc", "undecided by rounding", "5 of 6", 0.7, "cifar10 IF 10"),
        ("gain_on_k_positive", "fails", "2 of 3", -0.15, "cifar100 IF 10"),
        ("gain_at_if_100", "fails", "0 of 1", -0.3, "cifar100 IF 100"),
        ("gain_at_if_50", "holds", "1 of 1", 0.5, "cifar100 IF 50"),
        ("variance_within_intra", "fails", "0 of 12", -0.28, "cifar100 IF 100, kcl"),
        ("inter_within_bound", "fails", "10 of 12", -0.201, "cifar100 IF 50, kcl"),
        ("proco_adds", "undecided", "1 of 6", 0.1, "cifar100 IF 10"),
        ("cogloat_outperforms_tsc", "undecided", "5 of 6", 0.2, "cifar10 IF 10"),
    ],
)
def test_findings_on_the_printed_numbers(printed, id_, verdict, cells, margin, at):
    row = printed[id_]
    assert (row["printed"], row["printed_cells"], row["printed_at"]) == (verdict, cells, at)
    assert float(row["printed_margin"]) == pytest.approx(margin, abs=0.005)


@pytest.mark.parametrize(
    ("id_", "reason"),
    [
        ("all_of_own_rows", "All is the unweighted mean of the three groups (2 of 2 cells)"),
        ("default_is_cogloat", "the number is that of CoGloAT + ProCo (2 of 2 cells)"),
        ("gain_at_if_100", "are those of IF 50 (1 of 1 cells)"),
        ("variance_within_intra", "half of eq. 9 (12 of 12 cells)"),
    ],
)
def test_failures_are_explained(printed, id_, reason):
    assert reason in printed[id_]["printed_reason"]


def test_rows_of_table_5_are_rows_of_table_6(printed):
    repeated = {id_: row for id_, row in printed.items() if row["kind"] == "repetition"}
    assert {id_: row["printed_cells"] for id_, row in repeated.items()} == {
        "table2.cogloat_proco=table6.cogloat": "1 of 3",
        "table5.kcl_adaptive=table6.cogloat_supervised": "0 of 3",
        "table5.kcl_proco=table6.cogloat_k_positive": "0 of 3",
    }


def test_tests_and_signs_are_told_apart(printed):
    tested = printed["outperforms_bcl"]
    assert float(tested["printed_p"]) < 0.05
    assert (tested["printed_test"], tested["printed_seeds"]) == ("welch", "3")
    exact = printed["intra_is_smaller"]
    assert (exact["printed_test"], exact["printed_p"]) == ("sign", "")
    assert printed["adequate_gradients"]["printed_test"] == ""
    assert {row["measured"] for row in printed.values()} == {""}


def test_markdown_begins_with_the_contradictions(tmp_path):
    findings(tmp_path)
    text = (tmp_path / "claims.md").read_text()
    titles = re.findall(r"^## (.+) \((\d+)\)$", text, re.M)
    assert [title for title, _ in titles] == [
        *("Contradicted", "Undecided", "Holds", "No table decides")
    ]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    with open(tmp_path / "claims.csv") as file:
        count = sum(1 for _ in csv.DictReader(file))
    assert sum(int(number) for _, number in titles) == count
    assert len(lines) == count + 2 * len(titles)
    assert {line.count("|") for line in lines} == {6}
    assert "Measured" not in text


@pytest.mark.slow
def test_script_by_itself_writes_the_same_bytes_and_nothing_else(tmp_path):
    findings(tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    line = command(*arguments(tmp_path))
    done = subprocess.run(line, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
    assert first.keys() == {"claims.csv", "claims.md"}


# --- nothing is hard-coded: other numbers, other findings ---


def test_weighted_values_of_all_mend_table_3(edited):
    rows = edited(
        table3={
            "all,kcl_rerun,imagenet_lt,natural,49.5,": "all,kcl_rerun,imagenet_lt,natural,52.2,",
            f"{(own := 'all,cogloat_proco,imagenet_lt,natural')},49.8,": f"{own},52.0,",
        }
    )
    assert rows["all_of_own_rows"]["printed"] == "holds"
    assert rows["all_of_own_rows"]["printed_reason"] == ""
    assert rows["gain_on_imagenet"]["printed"] == "fails"
    assert rows["gain_is_of_accuracy"]["printed"] == "fails"


def test_one_accuracy_of_many_turns_the_weighted_gain(edited):
    row = "many,cogloat_proco,imagenet_lt,natural"
    rows = edited(table3={f"{row},59.0,": f"{row},59.5,"})
    assert rows["gain_is_of_accuracy"]["printed"] == "holds"


def test_cogloats_numbers_mend_table_6(edited):
    rows = edited(
        table6={
            "cogloat,cifar100,50,50.4,0.2": "cogloat,cifar100,50,49.5,0.1",
            "cogloat,cifar100,10,60.8,0.1": "cogloat,cifar100,10,60.7,0.1",
        }
    )
    assert rows["default_is_cogloat"]["printed"] == "holds"
    assert "table2.cogloat_proco=table6.cogloat" not in rows


def test_other_deviations_end_a_repetition(edited):
    rows = edited(
        table5={
            "kcl_proco,cifar100,100,44.3,0.1": "kcl_proco,cifar100,100,44.3,0.2",
            "kcl_proco,cifar100,50,47.8,0.1": "kcl_proco,cifar100,50,47.8,0.2",
        }
    )
    assert "table5.kcl_proco=table6.cogloat_k_positive" not in rows
    assert "table5.kcl_adaptive=table6.cogloat_supervised" in rows


def test_other_accuracies_turn_the_claims_on_table_2(edited):
    rows = edited(
        table2={
            "bcl,cifar100,50,56.6,": "bcl,cifar100,50,40.0,",
            "tsc_inbatch,cifar100,100,43.8,": "tsc_inbatch,cifar100,100,43.0,",
            "kcl_inbatch,cifar100,10,57.6,": "kcl_inbatch,cifar100,10,57.3,",
            "cogloat_proco,cifar100,100,46.0,0.2": "cogloat_proco,cifar100,100,60.0,0.2",
        }
    )
    assert rows["outperforms_bcl"]["printed_cells"] == "2 of 6"
    assert rows["outperforms_paco"]["printed_cells"] == "1 of 3"
    assert rows["gain_at_if_100"]["printed"] == "fails"
    assert rows["gain_on_k_positive"]["printed"] == "holds"


def test_gain_of_three_percent_at_if_100_would_hold(edited):
    rows = edited(table2={"tsc_inbatch,cifar100,100,43.8,": "tsc_inbatch,cifar100,100,43.0,"})
    assert rows["gain_at_if_100"]["printed"] == "holds"


def test_other_features_turn_the_findings_on_table_1(edited):
    rows = edited(
        table1={
            "variance,kcl,cifar100,100,0.84,": "variance,kcl,cifar100,100,0.50,",
            "inter,kcl,cifar100,50,0.95,": "inter,kcl,cifar100,50,0.70,",
        }
    )
    assert rows["variance_within_intra"]["printed_cells"] == "1 of 12"
    assert rows["inter_within_bound"]["printed"] == "holds"


# --- measured tables ---


OLDER = "method,dataset,factor,label,seeds,mean,std"
SEEDED = "method,dataset,factor,label,seeds,values,mean,std"
TIMED = "method,dataset,factor,label,rounds,ratio,ratio_low,ratio_high,ratios,mean"


def measure(folder, *lines, name="table2.csv", header=OLDER):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join((header, *lines)) + "\n")
    return folder


def test_measured_numbers_stand_beside_the_printed_ones(tmp_path):
    folder = measure(
        tmp_path / "measured",
        "kcl_inbatch,digits,10,KCL,0 1 2,77.00,0.50",
        "tsc_inbatch,digits,10,TSC,0,70.00,",
        "cogloat,digits,10,CoGloAT,0 1 2,80.00,0.50",
        "cogloat_proco,digits,10,CoGloAT + ProCo,0 1 2,80.20,0.50",
        "balanced_softmax,digits,10,Balanced Softmax,0,75.00,",
    )
    rows = findings(tmp_path, measured=folder)
    better = rows["cogloat_outperforms_kcl"]
    assert (better["measured"], better["measured_cells"]) == ("holds", "1 of 1")
    assert (better["measured_at"], better["measured_seeds"]) == ("digits IF 10", "3")
    assert float(better["measured_margin"]) == 3
    assert float(better["measured_p"]) == pytest.approx(0.0018, abs=1e-4)
    assert rows["proco_adds"]["measured"] == "undecided"
    one = rows["cogloat_outperforms_tsc"]
    assert (one["measured"], one["measured_reason"]) == ("undecided", "one seed")
    for id_ in ("outperforms_bcl", "intra_is_smaller", "gain_at_if_50"):
        assert (rows[id_]["measured"], rows[id_]["measured_cells"]) == ("not measured", "")
    assert rows["outperforms_bcl"]["printed"] == "fails"
    assert "| Measured |" in (tmp_path / "claims.md").read_text()


def test_row_that_the_paper_lacks_decides_a_claim_on_ours(tmp_path):
    folder = measure(
        tmp_path / "measured",
        "kcl,digits,10,KCL,0 1 2,77.00,0.50",
        "kcl_inbatch,digits,10,KCL in a batch,0 1 2,78.00,0.50",
        "cogloat,digits,10,CoGloAT,0 1 2,80.00,0.50",
        "cogloat_inbatch,digits,10,CoGloAT in a batch,0 1 2,70.00,0.50",
    )
    row = findings(tmp_path, measured=folder)["any_framework"]
    assert (row["printed"], row["measured"], row["measured_margin"]) == (
        *("not printed", "fails", "-8"),
    )


@pytest.mark.slow
def test_table_that_the_paper_lacks_is_read_by_the_keys_that_the_claims_give_it(tmp_path):
    claims = tmp_path / "claims.yaml"
    text = CLAIMS.read_text()
    own = "pull: {part: [positive, negative], method: [kcl]}"
    changed = text.replace("unprinted:\n", f"unprinted:\n  {own}\n").replace(
        "    reason: it is an expectation, of no settings that a run could have\n",
        "    margin: pull.positive.kcl - pull.negative.kcl\n    cells: all\n",
        1,
    )
    claims.write_text(changed)
    assert findings(tmp_path, claims=claims)["tuning_would_help"]["printed"] == "not printed"
    folder = measure(
        tmp_path / "measured",
        "positive,kcl,digits,10,0 1 2,3.00,0.10",
        "negative,kcl,digits,10,0 1 2,1.00,0.10",
        name="pull.csv",
        header="part,method,dataset,factor,seeds,mean,std",
    )
    row = findings(tmp_path, claims=claims, measured=folder)["tuning_would_help"]
    assert (row["measured"], row["measured_margin"]) == ("holds", "2")


def test_rows_under_other_keys_than_the_printed_ones_are_refused(tmp_path):
    claims = tmp_path / "claims.yaml"
    claims.write_text(CLAIMS.read_text().replace("table2: {method:", "table2: {model:"))
    folder = measure(tmp_path / "measured", "ce,digits,10,CE,0 1 2,77.00,0.50")
    refused(tmp_path, "unprinted.table2: its key columns are model", claims=claims, measured=folder)


def test_caveats_stand_beside_the_statement_and_under_the_tables(tmp_path):
    rows = findings(tmp_path)
    assert rows["global_helps_tail"]["caveats"] == "all_modules"
    text = (tmp_path / "claims.md").read_text()
    (line,) = [line for line in text.splitlines() if "help tail classes" in line]
    assert "| all_modules |" in line
    for name, caveat in load_claims(CLAIMS).caveats.items():
        assert f"- {name}: {caveat}" in text


@pytest.mark.slow
def test_measured_claim_is_decided_on_the_seeds_that_both_methods_share(tmp_path):
    lines = (
        "kcl_inbatch,digits,10,KCL,0 1 2,70 75 80,75,5",
        "cogloat,digits,10,Ours,0 1 2,{},76,4.95",
    )
    measured = {}
    for name, values in (("paired", "71 76.1 80.9"), ("older", "")):
        rows = [line.format(values) for line in lines]
        folder = measure(tmp_path / name, *rows, header=SEEDED)
        measured[name] = findings(tmp_path, measured=folder)["cogloat_outperforms_kcl"]
    row = measured["paired"]
    assert (row["measured"], row["measured_test"]) == ("holds", "paired")
    assert (row["measured_seeds"], row["measured_p"]) == ("3", "0.003317")
    row = measured["older"]
    assert (row["measured"], row["measured_test"]) == ("undecided", "welch")
    assert "; +1 at digits IF 10, welch, p 0.82 |" in (tmp_path / "claims.md").read_text()


def test_values_count_whatever_the_digits_of_mean_and_std(tmp_path):
    folder = measure(
        tmp_path / "measured",
        "kcl,digits,10,KCL,0 1 2,70.001 70.002 70.003,70.00,0.00",
        header=SEEDED,
    )
    (cell,) = read_measured(folder, read_printed(PAPER, 3), {}).tables["table2"].cells.values()
    assert cell.number.nominal_value == pytest.approx(70.002)
    assert cell.number.std_dev == pytest.approx(0.001 / math.sqrt(3))
    assert cell.values == {0: 70.001, 1: 70.002, 2: 70.003}


# Medians of the seconds (the last column) that say the opposite of the ratios within the rounds.
TIMES = (
    "kcl,digits,10,KCL,0 1 2 3 4,1,1,1,1 1 1 1 1,10",
    "kcl_global,digits,10,Global,0 1 2 3 4,1.2,1.1,1.3,1.1 1.2 1.3 0.9 1.4,9",
    "kcl_proco,digits,10,ProCo,0 1 2 3 4,1.1,0.9,1.3,0.8 0.9 1.1 1.3 1.4,20",
)


@pytest.mark.slow
def test_claims_on_times_are_decided_by_the_ratios_of_the_rounds(tmp_path):
    folder = measure(tmp_path / "measured", *TIMES, name="table4.csv", header=TIMED)
    rows = findings(tmp_path, measured=folder)
    longer = rows["global_takes_longer"]
    assert (longer["measured"], longer["measured_margin"]) == ("holds", "0.2")
    assert rows["proco_takes_longer"]["measured"] == "undecided"
    for id_ in ("global_takes_longer", "proco_takes_longer"):
        assert rows[id_]["measured_test"] == "quartiles"
        assert (rows[id_]["measured_seeds"], rows[id_]["measured_p"]) == ("", "")
        assert (rows[id_]["printed"], rows[id_]["printed_test"]) == ("holds", "sign")
    assert "+0.2 at digits IF 10, quartiles |" in (tmp_path / "claims.md").read_text()


def test_times_of_two_data_sets_are_not_compared(tmp_path):
    lines = [
        line.replace("digits,10", f"{dataset},100")
        for dataset in ("cifar10", "cifar100")
        for line in TIMES
    ]
    folder = measure(tmp_path / "measured", *lines, name="table4.csv", header=TIMED)
    row = findings(tmp_path, measured=folder)["fewer_images_take_no_longer"]
    assert (row["measured"], row["measured_reason"]) == (
        *("not measured", "no round has all of these times"),
    )


def test_every_entry_on_times_means_the_same_in_ratios_as_in_seconds():
    claims = load_claims(CLAIMS)
    entries = {**claims.claims, **claims.consistency}
    timed = [entry for entry in entries.values() if "table4" in (entry.margin or "")]
    assert len(timed) >= 3
    seconds = read_printed(PAPER, claims.printed_seeds)
    scaled = read_printed(PAPER, claims.printed_seeds)
    cells = scaled.tables["table4"].cells
    for key, cell in cells.items():
        cells[key] = replace(cell, number=cell.number / 12)
    for entry in timed:
        outcomes = [
            Judge(
                claims.level, source, vocabulary([source], claims.constants, claims.unprinted)
            ).decide("", entry, claim=True)
            for source in (seconds, scaled)
        ]
        assert outcomes[0] == outcomes[1], entry.claim


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("kcl,digits,10,KCL,0 1,1,1,1,1,10", "line 2: rounds '0 1' with ratios '1.0'"),
        ("kcl,digits,10,KCL,0 0,1,1,1,1 1,10", "line 2: rounds '0 0' with ratios '1.0 1.0'"),
        ("kcl,digits,10,KCL,,1,1,1,,10", "line 2: rounds '' with ratios ''"),
        ("kcl,digits,10,KCL,0 1,1,1,1,1 nan,10", "line 2: ratios: "),
    ],
)
def test_damaged_table_of_times_is_named(tmp_path, line, message):
    folder = measure(tmp_path / "measured", line, name="table4.csv", header=TIMED)
    refused(tmp_path, f"{folder / 'table4.csv'}: {message}", measured=folder)


def test_times_without_their_ratios_are_refused(tmp_path):
    folder = measure(tmp_path / "measured", name="table4.csv", header=TIMED.replace("ratios,", ""))
    refused(tmp_path, "table4.csv: line 1: there is no column 'ratios'", measured=folder)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("70 75", "line 2: seeds '0 1 2' with std '5.0' and values '70.0 75.0'"),
        ("70 75 inf", "line 2: values: "),
        ("70 75 high", "line 2: values: "),
    ],
)
def test_damaged_values_are_named(tmp_path, values, message):
    line = f"kcl,digits,10,KCL,0 1 2,{values},75,5"
    folder = measure(tmp_path / "measured", line, header=SEEDED)
    refused(tmp_path, f"{folder / 'table2.csv'}: {message}", measured=folder)


# --- a statement is text, whatever stands in it ---


def markdown_cells(path):
    """Return the texts of a file, as they are read by whom it is shown to."""
    tokens = MarkdownIt("commonmark").enable("table").parse(path.read_text())
    inline = [part for token in tokens for part in token.children or ()]
    assert not [part for part in (*tokens, *inline) if part.type.startswith("html")]
    return ["".join(part.content for part in token.children) for token in tokens if token.children]


def restructured(path):
    """Return a file as docutils reads it, in a page that has the table which it refers to."""
    return publish_doctree(path.read_text() + "\n.. _claims.csv: claims.csv\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "a | b",
        "a \\| b \\* c",
        "two\n\nparagraphs\n| and | a | row |",
        "<script>alert(1)</script> &amp; `code` *stars* _low_ [link](x)",
        ".. include:: /etc/hostname",
        ".. raw:: html\n\n   <b>x</b>",
        "- a list",
        "1. a list",
        "(a) a list",
        ":field: of a list",
        "reference_ and |substitution| and a\\slash\\",
        "====",
        "ends with a literal block::",
    ],
)
def test_statement_is_shown_as_it_is_written(tmp_path, text):
    claims = tmp_path / "claims.yaml"
    old = "where: Section 5.2\n    claim: The method outperforms TSC\n"
    original, quoted = CLAIMS.read_text(), json.dumps(text)
    assert original.count(old) == 1
    changed = original.replace(old, f"where: {quoted}\n    claim: {quoted}\n")
    claims.write_text(
        re.sub("(reason: )it is an expectation.*", lambda own: own[1] + quoted, changed)
    )
    folder = measure(
        tmp_path / "measured",
        "tsc_inbatch,digits,10,TSC,0 1 2,70 71 72,71,1",
        "cogloat_proco,digits,10,Ours,0 1 2,80 81 82,81,1",
        header=SEEDED,
    )
    overview = tmp_path / "overview.rst"
    findings(tmp_path, claims=claims, measured=folder, overview=overview)
    shown = " ".join(text.split())

    # where, claim, and by both sources the reason why another one is decided by no table
    assert markdown_cells(tmp_path / "claims.md").count(shown) == 4
    (item,) = [
        item
        for item in restructured(overview).findall(nodes.list_item)
        if item.astext() == f"{shown} ({shown})"
    ]
    plain = (nodes.list_item, nodes.paragraph, nodes.emphasis, nodes.Text)
    assert {type(node) for node in item.findall()} == set(plain)


@pytest.mark.slow
def test_name_of_a_data_set_is_text_too(tmp_path):
    folder = measure(
        tmp_path / "measured",
        "tsc_inbatch,x_ |b| <i>,10,TSC,0 1 2,70 71 72,71,1",
        "cogloat_proco,x_ |b| <i>,10,Ours,0 1 2,80 81 83,81,1",
        header=SEEDED,
    )
    overview = tmp_path / "overview.rst"
    findings(tmp_path, measured=folder, overview=overview)
    cells = markdown_cells(tmp_path / "claims.md")
    assert [cell for cell in cells if "at x_ |b| <i> IF 10, paired, p 0.00" in cell]
    first = next(restructured(overview).findall(nodes.paragraph))
    assert first.astext() == "Measured on x_ |b| <i> IF 10."
    assert {type(node) for node in first.findall()} == {nodes.paragraph, nodes.Text}


def test_measured_contradiction_comes_first_though_the_printed_numbers_agree(tmp_path):
    folder = measure(
        tmp_path / "measured",
        "kcl_inbatch,cifar10,100,KCL,0 1 2,90.00,0.50",
        "cogloat,cifar10,100,CoGloAT,0 1 2,80.00,0.50",
    )
    row = findings(tmp_path, measured=folder)["cogloat_outperforms_kcl"]
    assert (row["printed"], row["measured"]) == ("holds", "fails")
    first = (tmp_path / "claims.md").read_text().split("## Undecided")[0]
    assert row["claim"] in first


def test_overview_sorts_the_claims_by_what_was_measured(tmp_path):
    folder = measure(
        tmp_path / "measured",
        "kcl_inbatch,digits,10,KCL,0 1 2,77.00,0.50",
        "tsc_inbatch,digits,10,TSC,0 1 2,85.00,0.50",
        "cogloat,digits,10,CoGloAT,0 1 2,80.00,0.50",
        "cogloat_proco,digits,10,CoGloAT + ProCo,0 1 2,80.20,0.50",
    )
    rows = findings(tmp_path, measured=folder, overview=tmp_path / "overview.rst")
    text = (tmp_path / "overview.rst").read_text()
    parts = dict(zip(text.split("**")[1::2], text.split("**")[2::2], strict=True))
    expected = {
        "Reproduced": ("cogloat_outperforms_kcl",),
        "Not reproduced": ("cogloat_outperforms_tsc",),
        "Not decided": ("proco_adds",),
        "Where the paper's own numbers contradict it": ("variance_within_intra",),
    }
    for title, ids in expected.items():
        (found,) = [body for head, body in parts.items() if head.startswith(title)]
        for id_ in ids:
            assert f"- {rows[id_]['claim']} *({rows[id_]['where']})*" in found
            assert sum(rows[id_]["claim"] in body for body in parts.values()) == 1
    assert text.startswith("Measured on digits IF 10.\n")
    assert "nothing" not in text
    done = audit(tmp_path, overview=tmp_path / "other.rst")
    assert done.returncode == 2
    assert "error: --overview: it says what was reproduced. Give --measured" in done.stderr


def test_deviation_of_zero_counts_as_exact(tmp_path):
    folder = measure(tmp_path / "measured", "kcl,digits,10,KCL,0 1,77.00,0.00")
    claims = load_claims(CLAIMS)
    source = read_measured(folder, read_printed(PAPER, claims.printed_seeds), {})
    (cell,) = source.tables["table2"].cells.values()
    assert (type(cell.number), cell.number) == (float, 77.0)


def test_standard_error_is_of_the_tables_seeds(tmp_path):
    folder = measure(tmp_path / "measured", "kcl,digits,10,KCL,0 1 2 3,77.00,0.50")
    (cell,) = read_measured(folder, read_printed(PAPER, 3), {}).tables["table2"].cells.values()
    assert (cell.number.std_dev, cell.number.tag) == (0.25, Sampled(4))
    printed = read_printed(PAPER, 3).tables["table2"].cells
    deviations = {
        (round(error * math.sqrt(3), 9), mean.tag.seeds, round(mean.tag.rounding, 9))
        for cell in printed.values()
        for mean, error in cell.number.error_components().items()
        if mean.tag != ROUNDING
    }
    assert deviations == {(0.1, 3, 0.5), (0.2, 3, 0.25), (0.3, 3, 0.166666667), (0.4, 3, 0.125)}


def test_printed_numbers_are_rounded_to_their_last_digit(tmp_path):
    lines = ("a,cifar10,100,0.70,", "b,cifar10,100,70,", "c,cifar10,100,70.4,0.1")
    measure(tmp_path / "paper", *lines, name="table7.csv", header="method,dataset,factor,mean,std")
    cells = read_printed(tmp_path / "paper", 3).tables["table7"].cells.values()
    rounding = [
        [error for mean, error in cell.number.error_components().items() if mean.tag == ROUNDING]
        for cell in cells
    ]
    assert rounding == [[pytest.approx(0.005)], [0.5], [pytest.approx(0.05)]]


# --- mistakes ---


def refused(folder, message, **files):
    done = audit(folder, **files)
    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (folder / "claims.csv").exists()
    assert not (folder / "claims.md").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("table2.blc", "table2 has no 'blc'. Did you mean 'bcl'?"),
        ("table7.bcl", "there is no 'table7'. Did you mean 'table"),
        ("(table2.bcl", "is not an expression"),
        ("med(table2.bcl)", "there is no 'med'. Did you mean"),
        ("table2.bcl / 0", "cannot be computed"),
    ],
)
def test_bad_expression_is_named_with_its_claim(tmp_path, bad, message):
    margin = "margin: table2.cogloat_proco - "
    text = CLAIMS.read_text()
    assert text.count(f"{margin}table2.bcl\n") == 1
    changed = tmp_path / "claims.yaml"
    changed.write_text(text.replace(f"{margin}table2.bcl\n", f"{margin}{bad}\n"))
    expression = f"{changed}: claims.outperforms_bcl: 'table2.cogloat_proco - {bad}': "
    refused(tmp_path, expression + message, claims=changed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("level: 0.05", "level: 5", "level: Input should be less than 1, but it is 5"),
        ("level: 0.05", "levels: 0.05", "levels: unknown key. Did you mean 'level'?"),
        ("  few: {imagenet_lt", "  fw: {imagenet_lt", "there is no 'few'"),
        ("digits: 10}", "digits: ten}", "constants.classes"),
        (
            "  proco_adds:",
            "  head_and_tail:",
            "the key 'head_and_tail' is there twice, in lines",
        ),
        ("  all_of_own_rows:", "  proco_adds:", "'proco_adds' is in 'claims' and in 'consistency'"),
        ("level: 0.05", "level: [", "not valid YAML"),
        ("  all_modules: >-", "  all_module: >-", "has the caveat 'all_modules', which 'caveats'"),
    ],
)
def test_damaged_claims_are_named(tmp_path, old, new, message):
    text = CLAIMS.read_text()
    assert text.count(old) == 1
    changed = tmp_path / "claims.yaml"
    changed.write_text(text.replace(old, new))
    done = audit(tmp_path, claims=changed)
    assert done.returncode == 2
    assert message in done.stderr
    assert str(changed) in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "claims.csv").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no first line with its columns: dataset"),
        ("method,dataset,factor,mean\n", "line 1: there is no column 'std'"),
        ("dataset,factor,mean,std\n", "line 1: the columns must be key columns, then dataset"),
        (
            "method,dataset,factor,mean,std\nkcl,cifar100,100\n",
            "line 2: it has 3 cells, the header has 5",
        ),
        ("method,dataset,factor,mean,std\nkcl,cifar100,100,high,\n", "line 2: mean: "),
        ("method,dataset,factor,mean,std\nkcl,cifar100,100,nan,\n", "line 2: mean: "),
        (
            "method,dataset,factor,mean,std\nkcl,cifar100,100,0e400,\n",
            "line 2: mean: '0e400' has too large an exponent",
        ),
        ("method,dataset,factor,mean,std\nkcl,cifar100,many,43.7,\n", "line 2: factor: "),
        ("method,dataset,factor,mean,std\nkcl,cifar100,100,43.7,-1\n", "line 2: std: "),
        (
            "method,dataset,factor,mean,std\nkcl,cifar100,100,1,\nkcl,cifar100,100,1,\n",
            "line 3: kcl on cifar100 IF 100 is there twice",
        ),
        ('method,dataset,factor,mean,std\n"kcl', "line 2: not CSV: a quote is not closed"),
    ],
)
def test_damaged_table_is_named(tmp_path, text, message):
    paper = shutil.copytree(PAPER, tmp_path / "paper")
    (paper / "table5.csv").write_text(text)
    refused(tmp_path, f"{paper / 'table5.csv'}: {message}", paper=paper)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("kcl,digits,10,KCL,0 1 2,77.00,", "line 2: seeds '0 1 2' with std '' and values ''"),
        ("kcl,digits,10,KCL,,77.00,", "line 2: seeds '' with std ''"),
        ("kcl,digits,10,KCL,0 0 1,77.00,0.5", "line 2: seeds '0 0 1' with std '0.5'"),
        ("kcl,digits,10,KCL,0 a,77.00,0.5", "line 2: seeds: "),
        ("kcl,digits,10,KCL,0,,", "line 2: mean: "),
    ],
)
def test_damaged_measured_table_is_named(tmp_path, line, message):
    folder = measure(tmp_path / "measured", line)
    refused(tmp_path, f"{folder / 'table2.csv'}: {message}", measured=folder)


def test_measured_table_without_seeds_is_refused(tmp_path):
    folder = measure(tmp_path / "measured", header="method,dataset,factor,mean,std")
    refused(tmp_path, "table2.csv: line 1: there is no column 'seeds'", measured=folder)


def test_copy_of_a_table_is_no_table(tmp_path, printed):
    paper = shutil.copytree(PAPER, tmp_path / "paper")
    shutil.copy(paper / "table2.csv", paper / "table2 (copy).csv")
    assert findings(tmp_path, paper=paper) == printed


def test_folder_without_tables_ends_in_one_message(tmp_path):
    done = audit(tmp_path, paper=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: {tmp_path}: has no table<N>.csv. Name the folder of the printed tables.\n"
    )


def test_missing_files_are_named(tmp_path):
    refused(tmp_path, "missing.yaml: no such file", claims=tmp_path / "missing.yaml")
    refused(tmp_path, "missing: has no table<N>.csv", paper=tmp_path / "missing")
    refused(tmp_path, "missing: has none of table1.csv", measured=tmp_path / "missing")
