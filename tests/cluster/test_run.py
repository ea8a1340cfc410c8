"""The graph on a real SLURM, in the real image, with all that happens to jobs on a cluster."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import yaml
from pages import commands
from project import Project
from scripts import REPO
from slurm import PROFILE, Job, jobs, output

RUNS = "results/runs/tiny/if10"
# The pre-training does not fit into its slot: it is warned 50 to 80 seconds after its start (SLURM
# looks every 30, and ahead), saves, and goes on in the next job
SHORT_SLOTS = (
    *("--retries", "20", "--set-resources", "pretrain:runtime=3"),
    "pretrain:slurm_extra='--signal=URG@100'",
)


def running(project: Project, rule: str, run: str) -> Iterator[Job]:
    """Yield a run's job once its training has begun."""
    log = project.root / "logs" / "tiny" / "if10" / run / f"{rule}.log"
    if log.exists() and "epoch" in log.read_text():
        yield from jobs(
            project, f"rule_{rule}_wildcards_tiny_if10_{run.replace('/seed', '_')}", "RUNNING"
        )


def warn(project: Project) -> bool:
    """Send the signal that SLURM sends before a time limit."""
    for job in running(project, "train", "ce/seed0"):
        output("scancel", "--signal=URG", job.number)
        return True
    return False


def preempt(project: Project) -> bool:
    """Queue a job again, as a more urgent one does that takes its place."""
    for job in running(project, "train", "ce/seed1"):
        output("scontrol", "requeue", job.number)
        return True
    return False


def kill(project: Project) -> bool:
    """Kill a training that has saved before."""
    run = "cogloat_proco/seed0/pretrain"
    for _ in running(project, "pretrain", "cogloat_proco/seed0"):
        saved = list(project.root.glob(f"scratch/tiny/if10/{run}/*.pt"))
        found = subprocess.run(["pkill", "-KILL", "--full", f"src/train.py .*{run}"])
        return bool(saved) and found.returncode == 0
    return False


def both_shown(project: Project) -> bool:
    """Whether two jobs that run at once are shown with epoch, rate and time left."""
    shown = project.run("python", "src/watch.py", "--once").stdout
    pattern = r"^tiny/if10/\S+ +\d+/\d+ +[\d.]+ +\d+ +\d.*\w +\d+ s ago"
    return len(re.findall(pattern, shown, re.M)) == 2


def test_whatever_happens_to_its_jobs_the_table_is_that_of_a_local_run(
    long: Project, reference: Project
):
    process = long.start(*PROFILE, *SHORT_SLOTS, "--", "results/table2.csv")
    reading = ThreadPoolExecutor().submit(process.stdout.read)
    incidents: list[Callable[[Project], bool]] = [warn, preempt, kill]
    at_once: set[str] = set()
    watched = False
    while process.poll() is None:
        incidents = [incident for incident in incidents if not incident(long)]
        now = jobs(long, "tiny_if10", "RUNNING")
        gpus = set().union(*(job.gpus() for job in now))
        if len(now) == len(gpus) == 2:
            at_once |= gpus
            watched = watched or both_shown(long)
        time.sleep(1)
    said = reading.result()
    assert process.returncode == 0, said
    assert not incidents, f"{incidents} did not come about"

    assert at_once == {"0", "1"}
    assert watched
    assert len(jobs(long, "rule_train_wildcards_tiny_if10_ce_0")) == 2  # warned, then gone on
    assert [job.restarts() for job in jobs(long, "rule_train_wildcards_tiny_if10_ce_1")] == [1]
    for seed in (0, 1):  # did not fit into its slot
        assert len(jobs(long, f"rule_pretrain_wildcards_tiny_if10_cogloat_proco_{seed}")) >= 2
    assert said.count("stopped by SIGURG; the same command goes on from scratch/") >= 3

    made = sorted(path for path in reference.root.glob("results/**/*") if same_bits(path.name))
    # tables; metrics and confusion; weights and history of each stage
    assert len(made) == 3 + 4 * 2 + 6 * 2
    for path in made:
        name = path.relative_to(reference.root)
        assert (long.root / name).read_bytes() == path.read_bytes(), name

    locked = yaml.safe_load((REPO / "containers/images.lock.yaml").read_text())["train"]["sha256"]
    for run, image in ((long, locked), (reference, None)):
        provenance = json.loads((run.root / RUNS / "ce/seed0/provenance.json").read_text())
        assert {one["image"] for one in provenance["stages"][0]["processes"]} == {image}

    machines = {"tabulate_machines": {"results/machines.csv"}}
    assert long.plan() == long.plan("--profile", "slurm") == machines
    assert not [path for path in (long.root / "scratch").rglob("*") if path.is_file()]

    # the table is there; the page measures what it costs, and makes the rest of the collection
    for command in commands(REPO / "docs/cluster.md"):
        if command.startswith(("snakemake ", "cat ")):
            done = long.run("bash", "-c", command.replace("--profile slurm", " ".join(PROFILE)))
            assert done.returncode == 0, f"{command}\n{done.stdout}"
    assert len(jobs(long, "rule_calibrate")) == 1
    assert (long.root / "results/plan_check.csv").exists()
    assert long.plan() == {}


def same_bits(name: str) -> bool:
    tables = ("table2.csv", "table2.md", "table2_classes.csv")
    return name in (*tables, "metrics.json", "confusion.csv", "weights.pt", "history.csv")


def test_two_processes_of_a_training_have_two_gpus_of_one_node(long: Project):
    """Warned, all of them save and end together; the next job goes on as one did."""
    stage = f"{RUNS}/kcl/seed0/pretrain"
    shared = ("processes=2", "gpu=2", "nodes=1")
    process = long.start(
        *PROFILE,
        *("--retries", "2", "--set-resources"),
        *(f"pretrain:{own}" for own in shared),
        *("--", f"{stage}/weights.pt"),
    )
    reading = ThreadPoolExecutor().submit(process.stdout.read)
    warned: list[Job] = []
    while process.poll() is None:
        warned = warned or list(running(long, "pretrain", "kcl/seed0"))[:1]
        if len(warned) == 1:
            assert warned[0].gpus() == {"0-1"}
            output("scancel", "--signal=URG", warned[0].number)
            warned += warned
        time.sleep(1)
    said = reading.result()
    assert process.returncode == 0, said
    assert said.count("stopped by SIGURG; the same command goes on from scratch/") == 1
    provenance = json.loads((long.root / stage / "provenance.json").read_text())
    assert [one["ranks"] for one in provenance["processes"]] == [2, 2]


def test_runs_share_one_gpu_in_one_job(short: Project):
    targets = [f"{RUNS}/ce/seed{seed}/train/weights.pt" for seed in (0, 1)]
    done = short.snakemake(
        *PROFILE,
        *("--groups", "train=shared", "--group-components", "shared=2"),
        *("--set-resources", "train:gpu=0", "train:gres='gpu:1'", "--", *targets),
    )
    assert done.returncode == 0, done.stdout
    (job,) = jobs(short)
    assert re.search(r"TresPerNode=gres.gpu:1$", job.details(), re.M)
    assert all((short.root / target).exists() for target in targets)


def test_seeds_are_one_job_array(short: Project):
    targets = [f"{RUNS}/ce/seed{seed}/train/weights.pt" for seed in (0, 1, 2)]
    done = short.snakemake(*PROFILE, "--slurm-array-jobs", "train", "--", *targets)
    assert done.returncode == 0, done.stdout
    arrays, tasks = zip(*(job.number.split("_") for job in jobs(short)), strict=True)
    assert tasks == ("1", "2", "3")
    assert len(set(arrays)) == 1
