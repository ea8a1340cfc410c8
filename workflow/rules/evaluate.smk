# What a run is worth: the accuracy of its classifier, the shape of its feature space.


rule evaluate:
    input:
        config=last_stage(
            "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}/config.json"
        ),
        weights=last_stage(
            "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}/weights.pt"
        ),
        history=last_stage(
            "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}/history.csv"
        ),
        provenance=all_stages(
            "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}/provenance.json"
        ),
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/{imbalance}.csv",
    output:
        metrics="results/runs/{dataset}/{imbalance}/{method}/seed{seed}/metrics.json",
        confusion="results/runs/{dataset}/{imbalance}/{method}/seed{seed}/confusion.csv",
        provenance=report(
            "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/provenance.json",
            caption="../report/provenance.rst",
            category="Provenance",
            labels={
                "dataset": "{dataset}",
                "imbalance": "{imbalance}",
                "method": "{method}",
                "seed": "{seed}",
            },
        ),
    log:
        "logs/{dataset}/{imbalance}/{method}/seed{seed}/evaluate.log",
    params:
        many_above=from_dataset("shot_groups.many_above"),
        few_below=from_dataset("shot_groups.few_below"),
        code=code_of("src/evaluate.py"),
    threads: from_dataset("resources.threads")
    resources:
        mem_mb=from_dataset("resources.mem_mb"),
        gpu=1,
        runtime=WORKFLOW.runtime.start,
        arithmetic=arithmetic_of,
    shell:
        r"""
        python src/evaluate.py \
            --config {input.config:q} \
            --weights {input.weights:q} \
            --history {input.history:q} \
            --store data/{wildcards.dataset:q} \
            --split {input.split:q} \
            --many-above {params.many_above:q} \
            --few-below {params.few_below:q} \
            --provenance {input.provenance:q} \
            --metrics {output.metrics:q} \
            --confusion {output.confusion:q} \
            --output-provenance {output.provenance:q} \
            --threads {threads:q} \
            --arithmetic {resources.arithmetic:q} \
            2>{log:q}
        """


rule measure_features:
    input:
        config="results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/config.json",
        weights="results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/weights.pt",
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/{imbalance}.csv",
    output:
        "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/features.json",
    log:
        "logs/{dataset}/{imbalance}/{method}/seed{seed}/measure_features.log",
    params:
        code=code_of("src/measure_features.py"),
    threads: from_dataset("resources.threads")
    resources:
        mem_mb=from_dataset("resources.mem_mb"),
        gpu=1,
        runtime=WORKFLOW.runtime.start,
        arithmetic=arithmetic_of,
    shell:
        r"""
        python src/measure_features.py \
            --config {input.config:q} \
            --weights {input.weights:q} \
            --store data/{wildcards.dataset:q} \
            --split {input.split:q} \
            --output {output:q} \
            --threads {threads:q} \
            --arithmetic {resources.arithmetic:q} \
            2>{log:q}
        """


rule measure_gradients:
    input:
        config="results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/config.json",
        weights="results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/weights.pt",
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/{imbalance}.csv",
    output:
        "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/gradients.json",
    log:
        "logs/{dataset}/{imbalance}/{method}/seed{seed}/measure_gradients.log",
    params:
        many_above=from_dataset("shot_groups.many_above"),
        few_below=from_dataset("shot_groups.few_below"),
        code=code_of("src/measure_gradients.py"),
    threads: from_dataset("resources.threads")
    resources:
        mem_mb=from_dataset("resources.mem_mb"),
        gpu=1,
        runtime=WORKFLOW.runtime.start,
        arithmetic=arithmetic_of,
    shell:
        r"""
        python src/measure_gradients.py \
            --config {input.config:q} \
            --weights {input.weights:q} \
            --store data/{wildcards.dataset:q} \
            --split {input.split:q} \
            --many-above {params.many_above:q} \
            --few-below {params.few_below:q} \
            --output {output:q} \
            --threads {threads:q} \
            --arithmetic {resources.arithmetic:q} \
            2>{log:q}
        """


rule measure_separability:
    input:
        config="results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/config.json",
        weights="results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/weights.pt",
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/{imbalance}.csv",
    output:
        "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/separability{rarest}.json",
    log:
        "logs/{dataset}/{imbalance}/{method}/seed{seed}/measure_separability{rarest}.log",
    params:
        code=code_of("src/measure_separability.py"),
    threads: from_dataset("resources.threads")
    resources:
        mem_mb=from_dataset("resources.mem_mb"),
        gpu=1,
        runtime=WORKFLOW.runtime.start,
        arithmetic=arithmetic_of,
    shell:
        r"""
        python src/measure_separability.py \
            --config {input.config:q} \
            --weights {input.weights:q} \
            --store data/{wildcards.dataset:q} \
            --split {input.split:q} \
            --classes {wildcards.rarest:q} \
            --output {output:q} \
            --threads {threads:q} \
            --arithmetic {resources.arithmetic:q} \
            2>{log:q}
        """


rule measure_leak:
    input:
        config="results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/config.json",
        weights="results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/weights.pt",
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/{imbalance}.csv",
    output:
        "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/leak.json",
    log:
        "logs/{dataset}/{imbalance}/{method}/seed{seed}/measure_leak.log",
    params:
        code=code_of("src/measure_leak.py"),
    threads: from_dataset("resources.threads")
    resources:
        mem_mb=from_dataset("resources.mem_mb"),
        gpu=1,
        runtime=WORKFLOW.runtime.start,
        arithmetic=arithmetic_of,
    shell:
        r"""
        python src/measure_leak.py \
            --config {input.config:q} \
            --weights {input.weights:q} \
            --store data/{wildcards.dataset:q} \
            --split {input.split:q} \
            --output {output:q} \
            --threads {threads:q} \
            --arithmetic {resources.arithmetic:q} \
            2>{log:q}
        """
