# What trains a run: two stages (pretrain, finetune) or one (train).
# Each goes on from its scratch folder after a kill: that is no output, so Snakemake keeps it.


rule configure_stage:
    input:
        "workflow/templates/config.json.jinja",
    output:
        "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}/config.json",
    log:
        "logs/{dataset}/{imbalance}/{method}/seed{seed}/configure_{stage}.log",
    params:
        config_hash=stage_hash,
        file=stage_file,
    template_engine:
        "jinja2"


rule train:
    input:
        config="results/runs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}/config.json",
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/{imbalance}.csv",
        needs=stage_needs,
    output:
        weights="results/runs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}/weights.pt",
        history="results/runs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}/history.csv",
        provenance="results/runs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}/provenance.json",
    log:
        "logs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}.log",
    benchmark:
        "benchmarks/{dataset}/{imbalance}/{method}/seed{seed}/{stage}.tsv"
    params:
        code=stage_code,
        config_hash=stage_hash,
        inputs=stage_inputs,
        scratch="scratch/{dataset}/{imbalance}/{method}/seed{seed}/{stage}",
    wildcard_constraints:
        stage="train",
    threads: of_processes("resources.threads")
    resources:
        mem_mb=of_processes("resources.mem_mb"),
        gpu=stage_processes,
        nodes=one_node,
        processes=stage_processes,
        runtime=stage_runtime,
        precision="float32",
        arithmetic=arithmetic_of,
    shell:
        r"""
        python src/train.py \
            --config {input.config:q} \
            --config-hash {params.config_hash:q} \
            --store data/{wildcards.dataset:q} \
            --split {input.split:q} {params.inputs} \
            --output-dir "$(dirname {output.weights:q})" \
            --scratch {params.scratch:q} \
            --processes {resources.processes:q} \
            --threads $(({threads:q} > {resources.processes:q} ? {threads:q} / {resources.processes:q} : 1)) \
            --precision {resources.precision:q} \
            --arithmetic {resources.arithmetic:q} \
            2>{log:q}
        """


use rule train as pretrain with:
    wildcard_constraints:
        stage="pretrain",


use rule train as finetune with:
    wildcard_constraints:
        stage="finetune",
