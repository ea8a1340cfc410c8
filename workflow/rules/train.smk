# What trains a run: two stages (pretrain, finetune) or one (train).
# Each goes on from its scratch file after a kill: that file is no output, so Snakemake keeps it.


rule configure_stage:
    output:
        "results/runs/{dataset}/if{factor}/{method}/seed{seed}/{stage}/config.json",
    log:
        "logs/{dataset}/if{factor}/{method}/seed{seed}/configure_{stage}.log",
    params:
        config_hash=stage_hash(),
    localrule: True
    shell:
        r"""
        python src/configure.py --config config run \
            --dataset {wildcards.dataset} \
            --factor {wildcards.factor} \
            --method {wildcards.method} \
            --seed {wildcards.seed} \
            --stage {wildcards.stage} \
            --output {output} \
            2>{log}
        """


rule pretrain:
    input:
        config="results/runs/{dataset}/if{factor}/{method}/seed{seed}/pretrain/config.json",
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/if{factor}.csv",
        coreset=run_coreset,
        targets=run_targets,
    output:
        weights="results/runs/{dataset}/if{factor}/{method}/seed{seed}/pretrain/weights.pt",
        history="results/runs/{dataset}/if{factor}/{method}/seed{seed}/pretrain/history.csv",
        provenance="results/runs/{dataset}/if{factor}/{method}/seed{seed}/pretrain/provenance.json",
    log:
        "logs/{dataset}/if{factor}/{method}/seed{seed}/pretrain.log",
    benchmark:
        "benchmarks/{dataset}/if{factor}/{method}/seed{seed}/pretrain.tsv"
    params:
        code=stage_code("pretrain"),
        config_hash=stage_hash("pretrain"),
        scratch="scratch/{dataset}/if{factor}/{method}/seed{seed}/pretrain.pt",
        extra=flags("coreset", "targets"),
    threads: dataset_threads
    resources:
        mem_mb=dataset_mem_mb,
        gpu=1,
        runtime=stage_runtime("pretrain"),
        precision="float32",
    shell:
        r"""
        python src/pretrain.py \
            --config {input.config} \
            --config-hash {params.config_hash} \
            --store data/{wildcards.dataset} \
            --split {input.split} \
            {params.extra} \
            --output-dir $(dirname {output.weights}) \
            --scratch {params.scratch} \
            --threads {threads} \
            --precision {resources.precision} \
            2>{log}
        """


rule finetune:
    input:
        config="results/runs/{dataset}/if{factor}/{method}/seed{seed}/finetune/config.json",
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/if{factor}.csv",
        encoder="results/runs/{dataset}/if{factor}/{method}/seed{seed}/pretrain/weights.pt",
    output:
        weights="results/runs/{dataset}/if{factor}/{method}/seed{seed}/finetune/weights.pt",
        history="results/runs/{dataset}/if{factor}/{method}/seed{seed}/finetune/history.csv",
        provenance="results/runs/{dataset}/if{factor}/{method}/seed{seed}/finetune/provenance.json",
    log:
        "logs/{dataset}/if{factor}/{method}/seed{seed}/finetune.log",
    benchmark:
        "benchmarks/{dataset}/if{factor}/{method}/seed{seed}/finetune.tsv"
    params:
        code=stage_code("finetune"),
        config_hash=stage_hash("finetune"),
        scratch="scratch/{dataset}/if{factor}/{method}/seed{seed}/finetune.pt",
    threads: dataset_threads
    resources:
        mem_mb=dataset_mem_mb,
        gpu=1,
        runtime=stage_runtime("finetune"),
        precision="float32",
    shell:
        r"""
        python src/finetune.py \
            --config {input.config} \
            --config-hash {params.config_hash} \
            --store data/{wildcards.dataset} \
            --split {input.split} \
            --encoder {input.encoder} \
            --output-dir $(dirname {output.weights}) \
            --scratch {params.scratch} \
            --threads {threads} \
            --precision {resources.precision} \
            2>{log}
        """


rule train:
    input:
        config="results/runs/{dataset}/if{factor}/{method}/seed{seed}/train/config.json",
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/if{factor}.csv",
        generator=run_generator,
    output:
        weights="results/runs/{dataset}/if{factor}/{method}/seed{seed}/train/weights.pt",
        history="results/runs/{dataset}/if{factor}/{method}/seed{seed}/train/history.csv",
        provenance="results/runs/{dataset}/if{factor}/{method}/seed{seed}/train/provenance.json",
    log:
        "logs/{dataset}/if{factor}/{method}/seed{seed}/train.log",
    benchmark:
        "benchmarks/{dataset}/if{factor}/{method}/seed{seed}/train.tsv"
    params:
        code=stage_code("train"),
        config_hash=stage_hash("train"),
        scratch="scratch/{dataset}/if{factor}/{method}/seed{seed}/train.pt",
        extra=flags("generator"),
    threads: dataset_threads
    resources:
        mem_mb=dataset_mem_mb,
        gpu=1,
        runtime=stage_runtime("train"),
        precision="float32",
    shell:
        r"""
        python src/train.py \
            --config {input.config} \
            --config-hash {params.config_hash} \
            --store data/{wildcards.dataset} \
            --split {input.split} \
            {params.extra} \
            --output-dir $(dirname {output.weights}) \
            --scratch {params.scratch} \
            --threads {threads} \
            --precision {resources.precision} \
            2>{log}
        """
