# What a collection will cost, before it is made, and what it did cost.


rule calibrate:
    input:
        calibration_needs,
    output:
        "results/calibration/{dataset}.json",
    log:
        "logs/{dataset}/calibrate.log",
    params:
        works=kinds_of_work,
        code=calibration_code,
    threads: from_dataset("resources.threads")
    resources:
        mem_mb=from_dataset("resources.mem_mb"),
        gpu=1,
        runtime=WORKFLOW.runtime.start,
        precision="float32",
    shell:
        r"""
        python src/calibrate.py \
            --config config \
            --dataset {wildcards.dataset:q} \
            --output {output:q} \
            --threads {threads:q} \
            --precision {resources.precision:q} \
            2>{log:q}
        """


# It takes the calibrations that are there, and is no reason to make one: it has to do without torch.
rule plan:
    output:
        table="results/{folder}plan.csv",
        markdown="results/{folder}plan.md",
        jobs="results/{folder}plan_jobs.csv",
    log:
        "logs/{folder}plan.log",
    params:
        collection=planned,
        calibrations=calibration_flags,
        made_of=plan_hash,
        at_once=at_once,
        code=code_of("src/plan.py"),
    localrule: True
    shell:
        r"""
        python src/plan.py \
            --config config \
            --collection {params.collection:q} {params.calibrations} \
            --splits results/splits \
            --at-once {params.at_once:q} \
            --output {output.table:q} \
            --markdown {output.markdown:q} \
            --jobs {output.jobs:q} \
            2>{log:q}
        """


rule check_plan:
    input:
        jobs="results/{folder}plan_jobs.csv",
        provenance=planned_provenance,
    output:
        table="results/{folder}plan_check.csv",
        markdown="results/{folder}plan_check.md",
    log:
        "logs/{folder}plan_check.log",
    params:
        code=code_of("src/check_plan.py"),
    localrule: True
    shell:
        r"""
        python src/check_plan.py \
            --jobs {input.jobs:q} \
            --runs results/runs \
            --benchmarks benchmarks \
            --output {output.table:q} \
            --markdown {output.markdown:q} \
            2>{log:q}
        """
