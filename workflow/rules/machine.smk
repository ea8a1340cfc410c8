# Helpers only: the image that jobs run in, their arithmetic, what is checked before a cluster is used, and
# what is said when it refuses.
import os
import shutil
import time

from snakemake.settings.types import DeploymentMethod

from cogloat import arithmetic
from cogloat.cluster import image as images
from cogloat.cluster.advice import advice
from cogloat.cluster.environment import check_environment

IMAGE_LOCK = Path("containers/images.lock.yaml")
STARTED = time.time()
DEFAULT_RATE = (100, 1)  # jobs that Snakemake starts at most, in so many seconds


@cache
@user_facing
def locked_image():
    """Return the image that rules run in."""
    return images.read_lock(IMAGE_LOCK)


@user_facing
def image_path(wildcards):
    """Return the image's path; nothing for a dry-run, which needs neither it nor Apptainer."""
    return None if workflow.dryrun else locked_image().path


# Apptainer hands this to the job, whose provenance records it
os.environ.update(APPTAINERENV_COGLOAT_IMAGE=locked_image().sha256)


@user_facing
def check_machine():
    """Check what can be known before the first job: what it runs in, and how it is submitted."""
    if DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method:
        images.check_made_from(locked_image(), Path())
        images.check_is_locked(locked_image(), Path(), IMAGE_LOCK)
    else:
        commands = " ".join(job.rule.shellcmd or "" for job in workflow.dag.needrun_jobs())
        check_environment(map(Path, set(re.findall(r"src/\w+\.py", commands))))
    if workflow.executor_plugin.name == "slurm" and shutil.which("sbatch") is None:
        raise UserError(
            "sbatch is not installed on this machine. Run the same command on a host that submits "
            "to the cluster, or leave out --profile slurm to run everything here."
        )


@user_facing
def lift_default_rate():
    """Take away a limit of jobs a second that nobody has asked for.

    With one, Snakemake looks again after that time whether it may start a job, as long as some wait
    for a core, and goes on so from each job that has ended: hundreds take half a core for themselves.
    """
    rate = workflow.scheduling_settings.max_jobs_per_timespan
    if (rate.max_jobs, rate.timespan) == DEFAULT_RATE:
        workflow.scheduler.job_rate_limiter = None


@user_facing
def print_advice(log_files):
    """Say what to do about what a cluster reported in this run."""
    folder = getattr(workflow.executor_settings, "logdir", None)  # slurm-logdir of the profile
    found = [] if folder is None else folder.rglob("*.log")
    of_jobs = [file for file in found if file.stat().st_mtime >= STARTED]
    for line in advice([*map(Path, log_files), *of_jobs]):
        print(line, file=sys.stderr)


@user_facing
def arithmetic_of(wildcards):
    """Return the arithmetic of a dataset's results: native where this processor has no other."""
    asked = dataset(wildcards).resources.arithmetic
    return asked if asked == "native" or is_portable() else "native"


@cache
@user_facing
def is_portable():
    """Say whether this processor computes portably, and once what it means that it does not."""
    available = arithmetic.available()
    if not available and workflow.is_main_process:
        print(
            "warning: this processor is no x86-64 with AVX2: results are in native arithmetic, and "
            "not those of other machines to the bit",
            file=sys.stderr,
        )
    return available
