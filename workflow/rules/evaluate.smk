# What a run is worth: the accuracy of its classifier, the shape of its feature space.


rule evaluate:
    input:
        config=last_stage(
            "results/runs/{dataset}/if{factor}/{method}/seed{seed}/{stage}/config.json"
        ),
        weights=last_stage(
            "results/runs/{dataset}/if{factor}/{method}/seed{seed}/{stage}/weights.pt"
        ),
        history=last_stage(
            "results/runs/{dataset}/if{factor}/{method}/seed{seed}/{stage}/history.csv"
        ),
        provenance=all_stages(
            "results/runs/{dataset}/if{factor}/{method}/seed{seed}/{stage}/provenance.json"
        ),
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/if{factor}.csv",
    output:
        metrics="results/runs/{dataset}/if{factor}/{method}/seed{seed}/metrics.json",
        provenance=report(
            "results/runs/{dataset}/if{factor}/{method}/seed{seed}/provenance.json",
            caption="../report/provenance.rst",
            category="Provenance",
            labels={
                "dataset": "{dataset}",
                "IF": "{factor}",
                "method": "{method}",
                "seed": "{seed}",
            },
        ),
    log:
        "logs/{dataset}/if{factor}/{method}/seed{seed}/evaluate.log",
    params:
        many_above=many_above,
        few_below=few_below,
        code=fingerprint("src/evaluate.py"),
    threads: dataset_threads
    resources:
        mem_mb=dataset_mem_mb,
        gpu=1,
        runtime=WORKFLOW.runtime.start,
    shell:
        r"""
        python src/evaluate.py \
            --config {input.config} \
            --weights {input.weights} \
            --history {input.history} \
            --store data/{wildcards.dataset} \
            --split {input.split} \
            --many-above {params.many_above} \
            --few-below {params.few_below} \
            --provenance {input.provenance} \
            --metrics {output.metrics} \
            --output-provenance {output.provenance} \
            --threads {threads} \
            2>{log}
        """


rule measure_features:
    input:
        config="results/runs/{dataset}/if{factor}/{method}/seed{seed}/pretrain/config.json",
        weights="results/runs/{dataset}/if{factor}/{method}/seed{seed}/pretrain/weights.pt",
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/if{factor}.csv",
    output:
        "results/runs/{dataset}/if{factor}/{method}/seed{seed}/features.json",
    log:
        "logs/{dataset}/if{factor}/{method}/seed{seed}/measure_features.log",
    params:
        code=fingerprint("src/measure_features.py"),
    threads: dataset_threads
    resources:
        mem_mb=dataset_mem_mb,
        gpu=1,
        runtime=WORKFLOW.runtime.start,
    shell:
        r"""
        python src/measure_features.py \
            --config {input.config} \
            --weights {input.weights} \
            --store data/{wildcards.dataset} \
            --split {input.split} \
            --output {output} \
            --threads {threads} \
            2>{log}
        """
