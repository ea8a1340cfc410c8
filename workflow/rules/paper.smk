# The paper's tables and figures, and what they say of its claims. `place` is the folder of a
# collection, such as demo/; the collection `paper` has none.


rule tabulate:
    input:
        metrics=grid_files("results/runs/{dataset}/if{factor}/{method}/seed{seed}/metrics.json"),
        paper="config/paper/{table}.csv",
    output:
        table=report(
            "results/{place}{table}.csv",
            caption="../report/accuracy.rst",
            category="Tables",
            labels={"table": "{table}", "what": "accuracy"},
        ),
        markdown="results/{place}{table}.md",
        means="results/metrics/{place}{table}.json",
    log:
        "logs/{place}{table}.log",
    params:
        labels=grid_labels(),
        confidence=WORKFLOW.confidence,
        code=fingerprint("src/tabulate_runs.py"),
    wildcard_constraints:
        table="table[256]",
    localrule: True
    shell:
        r"""
        python src/tabulate_runs.py \
            --metrics {input.metrics} \
            --config config \
            --confidence {params.confidence} \
            --paper {input.paper} \
            --output {output.table} \
            --markdown {output.markdown} \
            --means {output.means} \
            2>{log}
        """


rule tabulate_features:
    input:
        features=grid_files(
            "results/runs/{dataset}/if{factor}/{method}/seed{seed}/features.json", "table1"
        ),
        paper="config/paper/table1.csv",
    output:
        table=report(
            "results/{place}table1.csv",
            caption="../report/features.rst",
            category="Tables",
            labels={"table": "table1", "what": "alignment and uniformity"},
        ),
        conventions="results/{place}table1_conventions.csv",
        markdown="results/{place}table1.md",
    log:
        "logs/{place}table1.log",
    params:
        labels=grid_labels("table1"),
        images=WORKFLOW.features.images,
        space=WORKFLOW.features.space,
        pairs=WORKFLOW.features.pairs,
        confidence=WORKFLOW.confidence,
        code=fingerprint("src/tabulate_features.py"),
    localrule: True
    shell:
        r"""
        python src/tabulate_features.py \
            --features {input.features} \
            --config config \
            --images {params.images} \
            --space {params.space} \
            --pairs {params.pairs} \
            --confidence {params.confidence} \
            --paper {input.paper} \
            --output {output.table} \
            --conventions {output.conventions} \
            --markdown {output.markdown} \
            2>{log}
        """


rule time_epochs:
    input:
        configs=grid_files(
            "results/runs/{dataset}/if{factor}/{method}/seed{seed}/pretrain/config.json", "table4"
        ),
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/if{factor}.csv",
        coreset=timed_coreset,
    output:
        "results/{place}times/{dataset}/if{factor}.csv",
    log:
        "logs/{place}times/{dataset}/if{factor}.log",
    params:
        extra=flags("coreset"),
        rounds=WORKFLOW.timing.rounds,
        steps=WORKFLOW.timing.steps,
        code=timing_code,
    threads: dataset_threads
    resources:
        mem_mb=dataset_mem_mb,
        gpu=1,
        runtime="1h",
        precision="float32",
    shell:
        r"""
        python src/time_epochs.py \
            --config {input.configs} \
            --store data/{wildcards.dataset} \
            --split {input.split} \
            {params.extra} \
            --rounds {params.rounds} \
            --steps {params.steps} \
            --output {output} \
            --threads {threads} \
            --precision {resources.precision} \
            2>{log}
        """


rule tabulate_times:
    input:
        times=timed_sets,
        paper="config/paper/table4.csv",
    output:
        table=report(
            "results/{place}table4.csv",
            caption="../report/times.rst",
            category="Tables",
            labels={"table": "table4", "what": "seconds an epoch"},
        ),
        markdown="results/{place}table4.md",
    log:
        "logs/{place}table4.log",
    params:
        labels=grid_labels("table4"),
        code=fingerprint("src/tabulate_times.py"),
    localrule: True
    shell:
        r"""
        python src/tabulate_times.py \
            --times {input.times} \
            --config config \
            --paper {input.paper} \
            --output {output.table} \
            --markdown {output.markdown} \
            2>{log}
        """


rule plot_embedding:
    input:
        configs=grid_files(
            "results/runs/{dataset}/if{factor}/{method}/seed{seed}/pretrain/config.json", "figure2"
        ),
        weights=grid_files(
            "results/runs/{dataset}/if{factor}/{method}/seed{seed}/pretrain/weights.pt", "figure2"
        ),
        store=grid_part("data/{dataset}/store.json", "figure2"),
        split=grid_part("results/splits/{dataset}/if{factor}.csv", "figure2"),
    output:
        png=report(
            "results/{place}figures/figure2.png",
            caption="../report/embedding.rst",
            category="Figures",
            labels={"figure": "figure2", "what": "four rarest classes"},
        ),
        pdf="results/{place}figures/figure2.pdf",
        numbers="results/{place}figures/figure2.csv",
    log:
        "logs/{place}figures/figure2.log",
    params:
        titles=grid_titles("figure2"),
        classes=WORKFLOW.figures.rarest,
        seed=WORKFLOW.figures.seed,
        code=fingerprint("src/plot_embedding.py"),
    resources:
        mem_mb=4000,
        gpu=1,
        runtime="30m",
    shell:
        r"""
        python src/plot_embedding.py \
            --config {input.configs} \
            --weights {input.weights} \
            --titles {params.titles:q} \
            --store $(dirname {input.store}) \
            --split {input.split} \
            --classes {params.classes} \
            --seed {params.seed} \
            --pdf {output.pdf} \
            --png {output.png} \
            --numbers {output.numbers} \
            2>{log}
        """


rule plot_frequency:
    input:
        metrics=grid_files(
            "results/runs/{dataset}/if{factor}/{method}/seed{seed}/metrics.json", "table2"
        ),
    output:
        png=report(
            "results/{place}figures/frequency_{dataset}_if{factor}.png",
            caption="../report/frequency.rst",
            category="Figures",
            labels={"figure": "{dataset}, IF {factor}", "what": "accuracy by class size"},
        ),
        pdf="results/{place}figures/frequency_{dataset}_if{factor}.pdf",
    log:
        "logs/{place}figures/frequency_{dataset}_if{factor}.log",
    params:
        labels=grid_labels("table2"),
        reference=WORKFLOW.figures.reference,
        code=fingerprint("src/plot_frequency.py"),
    localrule: True
    shell:
        r"""
        python src/plot_frequency.py \
            --metrics {input.metrics} \
            --config config \
            --reference {params.reference} \
            --pdf {output.pdf} \
            --png {output.png} \
            2>{log}
        """


rule plot_curves:
    input:
        histories=grid_stages(
            "results/runs/{dataset}/if{factor}/{method}/seed{seed}/{stage}/history.csv", "table2"
        ),
        configs=grid_stages(
            "results/runs/{dataset}/if{factor}/{method}/seed{seed}/{stage}/config.json", "table2"
        ),
    output:
        png=report(
            "results/{place}figures/curves_{dataset}_if{factor}.png",
            caption="../report/curves.rst",
            category="Figures",
            labels={"figure": "{dataset}, IF {factor}", "what": "training curves"},
        ),
        pdf="results/{place}figures/curves_{dataset}_if{factor}.pdf",
        numbers="results/curves/{place}{dataset}_if{factor}.csv",
    log:
        "logs/{place}figures/curves_{dataset}_if{factor}.log",
    params:
        labels=grid_labels("table2"),
        code=fingerprint("src/plot_curves.py"),
    localrule: True
    shell:
        r"""
        python src/plot_curves.py \
            --history {input.histories} \
            --config config \
            --pdf {output.pdf} \
            --png {output.png} \
            --numbers {output.numbers} \
            2>{log}
        """


rule plot_temperatures:
    input:
        configs=adaptive_runs(
            "results/runs/{dataset}/if{factor}/{method}/seed{seed}/pretrain/config.json"
        ),
        splits=adaptive_runs("results/splits/{dataset}/if{factor}.csv"),
    output:
        png=report(
            "results/{place}figures/temperatures.png",
            caption="../report/temperatures.rst",
            category="Figures",
            labels={"figure": "all", "what": "temperature of each class"},
        ),
        pdf="results/{place}figures/temperatures.pdf",
    log:
        "logs/{place}figures/temperatures.log",
    params:
        code=fingerprint("src/plot_temperatures.py"),
    localrule: True
    shell:
        r"""
        python src/plot_temperatures.py \
            --config {input.configs} \
            --split {input.splits} \
            --pdf {output.pdf} \
            --png {output.png} \
            2>{log}
        """


rule audit:
    input:
        tables=measured_tables,
        claims="config/claims.yaml",
        paper=collect("config/paper/table{number}.csv", number=[1, 2, 3, 4, 5, 6]),
    output:
        table=report(
            "results/{place}claims.csv",
            caption="../report/claims.rst",
            category="Claims",
            labels={"table": "claims", "what": "verdicts"},
        ),
        markdown="results/{place}claims.md",
        overview="results/{place}overview.rst",
    log:
        "logs/{place}claims.log",
    params:
        code=fingerprint("src/audit.py"),
    localrule: True
    shell:
        r"""
        python src/audit.py \
            --claims {input.claims} \
            --paper config/paper \
            --measured $(dirname {output.table}) \
            --output {output.table} \
            --markdown {output.markdown} \
            --overview {output.overview} \
            2>{log}
        """
