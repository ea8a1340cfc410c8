# What a run is worth, and the tables of many runs.


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
        provenance="results/runs/{dataset}/if{factor}/{method}/seed{seed}/provenance.json",
    log:
        "logs/{dataset}/if{factor}/{method}/seed{seed}/evaluate.log",
    params:
        many_above=many_above,
        few_below=few_below,
        code=fingerprint("src/evaluate.py"),
    threads: dataset_threads
    resources:
        mem_mb=dataset_mem_mb,
        runtime="1h",
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


rule tabulate:
    input:
        metrics=grid_metrics,
        paper="config/paper/table2.csv",
    output:
        table=report(
            "results/{collection}/table2.csv",
            caption="../report/table2.rst",
            category="Tables",
        ),
        markdown="results/{collection}/table2.md",
    log:
        "logs/{collection}/table2.log",
    params:
        labels=grid_labels,
        code=fingerprint("src/tabulate_runs.py"),
    localrule: True
    shell:
        r"""
        python src/tabulate_runs.py \
            --metrics {input.metrics} \
            --config config \
            --paper {input.paper} \
            --output {output.table} \
            --markdown {output.markdown} \
            2>{log}
        """


use rule tabulate as tabulate_paper with:
    output:
        table=report(
            "results/table2.csv",
            caption="../report/table2.rst",
            category="Tables",
        ),
        markdown="results/table2.md",
    log:
        "logs/table2.log",
