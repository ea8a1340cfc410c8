# Tables and figures, each by the rule of its kind, and what they say of the paper's claims.


rule tabulate:
    input:
        metrics=of_runs("results/runs/{dataset}/{imbalance}/{method}/seed{seed}/metrics.json"),
        printed=printed,
    output:
        table="results/{folder}{table}.csv",
        page=report(
            "results/{folder}{table}.html",
            caption="../report/accuracy.rst",
            category="Tables",
            labels={"table": "{table}", "what": "accuracy"},
        ),
        classes="results/{folder}{table}_classes.csv",
        markdown="results/{folder}{table}.md",
        means="results/metrics/{folder}{table}.json",
    log:
        "logs/{folder}{table}.log",
    params:
        labels=labels,
        printed=printed_flag,
        images=from_part("images"),
        confidence=WORKFLOW.confidence,
        code=code_of("src/tabulate_runs.py"),
    wildcard_constraints:
        table=names_of("accuracy"),
    localrule: True
    shell:
        r"""
        python src/tabulate_runs.py \
            --metrics {input.metrics:q} \
            --config config {params.printed} \
            --images {params.images:q} \
            --confidence {params.confidence:q} \
            --output {output.table:q} \
            --markdown {output.markdown:q} \
            --page {output.page:q} \
            --classes {output.classes:q} \
            --means {output.means:q} \
            2>{log:q}
        """


rule tabulate_features:
    input:
        features=of_runs("results/runs/{dataset}/{imbalance}/{method}/seed{seed}/features.json"),
        printed=printed,
    output:
        table="results/{folder}{table}.csv",
        page=report(
            "results/{folder}{table}.html",
            caption="../report/features.rst",
            category="Tables",
            labels={"table": "{table}", "what": "alignment and uniformity"},
        ),
        conventions="results/{folder}{table}_conventions.csv",
        markdown="results/{folder}{table}.md",
    log:
        "logs/{folder}{table}.log",
    params:
        labels=labels,
        printed=printed_flag,
        images=from_part("convention.images"),
        space=from_part("convention.space"),
        pairs=from_part("convention.pairs"),
        confidence=WORKFLOW.confidence,
        code=code_of("src/tabulate_features.py"),
    wildcard_constraints:
        table=names_of("features"),
    localrule: True
    shell:
        r"""
        python src/tabulate_features.py \
            --features {input.features:q} \
            --config config \
            --images {params.images:q} \
            --space {params.space:q} \
            --pairs {params.pairs:q} \
            --confidence {params.confidence:q} {params.printed} \
            --output {output.table:q} \
            --conventions {output.conventions:q} \
            --markdown {output.markdown:q} \
            --page {output.page:q} \
            2>{log:q}
        """


rule tabulate_gradients:
    input:
        gradients=of_runs("results/runs/{dataset}/{imbalance}/{method}/seed{seed}/gradients.json"),
    output:
        table="results/{folder}{table}.csv",
        page=report(
            "results/{folder}{table}.html",
            caption="../report/gradients.rst",
            category="Tables",
            labels={"table": "{table}", "what": "gradients"},
        ),
        classes="results/{folder}{table}_classes.csv",
        markdown="results/{folder}{table}.md",
    log:
        "logs/{folder}{table}.log",
    params:
        labels=labels,
        confidence=WORKFLOW.confidence,
        code=code_of("src/tabulate_gradients.py"),
    wildcard_constraints:
        table=names_of("gradients"),
    localrule: True
    shell:
        r"""
        python src/tabulate_gradients.py \
            --gradients {input.gradients:q} \
            --config config \
            --confidence {params.confidence:q} \
            --output {output.table:q} \
            --classes {output.classes:q} \
            --markdown {output.markdown:q} \
            --page {output.page:q} \
            2>{log:q}
        """


rule tabulate_groups:
    input:
        metrics=of_runs("results/runs/{dataset}/{imbalance}/{method}/seed{seed}/metrics.json"),
        printed=printed,
    output:
        table="results/{folder}{table}.csv",
        page=report(
            "results/{folder}{table}.html",
            caption="../report/groups.rst",
            category="Tables",
            labels={"table": "{table}", "what": "accuracy by group of classes"},
        ),
        markdown="results/{folder}{table}.md",
    log:
        "logs/{folder}{table}.log",
    params:
        labels=labels,
        confidence=WORKFLOW.confidence,
        printed=printed_flag,
        code=code_of("src/tabulate_groups.py"),
    wildcard_constraints:
        table=names_of("groups"),
    localrule: True
    shell:
        r"""
        python src/tabulate_groups.py \
            --metrics {input.metrics:q} \
            --config config {params.printed} \
            --confidence {params.confidence:q} \
            --output {output.table:q} \
            --markdown {output.markdown:q} \
            --page {output.page:q} \
            2>{log:q}
        """


rule tabulate_acceptance:
    input:
        metrics=of_runs("results/runs/{dataset}/{imbalance}/{method}/seed{seed}/metrics.json"),
    output:
        table="results/{folder}{table}.csv",
        page=report(
            "results/{folder}{table}.html",
            caption="../report/acceptance.rst",
            category="Tables",
            labels={"table": "{table}", "what": "acceptance"},
        ),
        markdown="results/{folder}{table}.md",
    log:
        "logs/{folder}{table}.log",
    params:
        labels=labels,
        expected=expected,
        differences=difference_flags,
        code=code_of("src/tabulate_acceptance.py"),
    wildcard_constraints:
        table=names_of("acceptance"),
    localrule: True
    shell:
        r"""
        python src/tabulate_acceptance.py \
            --metrics {input.metrics:q} \
            --config config {params.differences} \
            --output {output.table:q} \
            --markdown {output.markdown:q} \
            --page {output.page:q} \
            2>{log:q}
        """


rule tabulate_separability:
    input:
        separability=of_runs(
            "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/separability{rarest}.json"
        ),
    output:
        table="results/{folder}{table}.csv",
        page=report(
            "results/{folder}{table}.html",
            caption="../report/separability.rst",
            category="Tables",
            labels={"table": "{table}", "what": "separability of the rarest classes"},
        ),
        markdown="results/{folder}{table}.md",
    log:
        "logs/{folder}{table}.log",
    params:
        labels=labels,
        confidence=WORKFLOW.confidence,
        code=code_of("src/tabulate_separability.py"),
    wildcard_constraints:
        table=names_of("separability"),
    localrule: True
    shell:
        r"""
        python src/tabulate_separability.py \
            --separability {input.separability:q} \
            --config config \
            --confidence {params.confidence:q} \
            --output {output.table:q} \
            --markdown {output.markdown:q} \
            --page {output.page:q} \
            2>{log:q}
        """


rule tabulate_leaks:
    input:
        leaks=of_runs("results/runs/{dataset}/{imbalance}/{method}/seed{seed}/leak.json"),
    output:
        table="results/{folder}{table}.csv",
        page=report(
            "results/{folder}{table}.html",
            caption="../report/leaks.rst",
            category="Tables",
            labels={"table": "{table}", "what": "leaks through batch statistics"},
        ),
        markdown="results/{folder}{table}.md",
    log:
        "logs/{folder}{table}.log",
    params:
        labels=labels,
        confidence=WORKFLOW.confidence,
        code=code_of("src/tabulate_leaks.py"),
    wildcard_constraints:
        table=names_of("leaks"),
    localrule: True
    shell:
        r"""
        python src/tabulate_leaks.py \
            --leaks {input.leaks:q} \
            --config config \
            --confidence {params.confidence:q} \
            --output {output.table:q} \
            --markdown {output.markdown:q} \
            --page {output.page:q} \
            2>{log:q}
        """


rule time_epochs:
    input:
        configs=of_runs(
            "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/config.json"
        ),
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/{imbalance}.csv",
        needs=timed_needs,
    output:
        "results/{folder}times/{table}/{dataset}/{imbalance}.csv",
    log:
        "logs/{folder}times/{table}/{dataset}/{imbalance}.log",
    params:
        inputs=timed_inputs,
        rounds=from_part("rounds"),
        steps=from_part("steps"),
        code=timed_code,
    wildcard_constraints:
        table=names_of("times"),
    threads: from_dataset("resources.threads")
    resources:
        mem_mb=from_dataset("resources.mem_mb"),
        gpu=1,
        runtime="1h",
        precision="float32",
    shell:
        r"""
        python src/time_epochs.py \
            --config {input.configs:q} \
            --store data/{wildcards.dataset:q} \
            --split {input.split:q} {params.inputs} \
            --rounds {params.rounds:q} \
            --steps {params.steps:q} \
            --output {output:q} \
            --threads {threads:q} \
            --precision {resources.precision:q} \
            2>{log:q}
        """


rule tabulate_times:
    input:
        times=of_runs("results/{folder}times/{table}/{dataset}/{imbalance}.csv"),
        printed=printed,
    output:
        table="results/{folder}{table}.csv",
        page=report(
            "results/{folder}{table}.html",
            caption="../report/times.rst",
            category="Tables",
            labels={"table": "{table}", "what": "seconds"},
        ),
        markdown="results/{folder}{table}.md",
    log:
        "logs/{folder}{table}.log",
    params:
        labels=labels,
        printed=printed_flag,
        part=from_part("part"),
        code=code_of("src/tabulate_times.py"),
    wildcard_constraints:
        table=names_of("times"),
    localrule: True
    shell:
        r"""
        python src/tabulate_times.py \
            --times {input.times:q} \
            --part {params.part:q} \
            --config config {params.printed} \
            --output {output.table:q} \
            --markdown {output.markdown:q} \
            --page {output.page:q} \
            2>{log:q}
        """


# of every training behind the collection's tables
rule tabulate_machines:
    input:
        stages=stage_provenances,
    output:
        table="results/{folder}machines.csv",
        page=report(
            "results/{folder}machines.html",
            caption="../report/machines.rst",
            category="Tables",
            labels={"table": "machines", "what": "what was run where"},
        ),
        markdown="results/{folder}machines.md",
        overview="results/{folder}machines.rst",
    log:
        "logs/{folder}machines.log",
    params:
        code=code_of("src/tabulate_machines.py"),
    localrule: True
    shell:
        r"""
        python src/tabulate_machines.py \
            --provenance {input.stages:q} \
            --output {output.table:q} \
            --markdown {output.markdown:q} \
            --page {output.page:q} \
            --overview {output.overview:q} \
            2>{log:q}
        """


rule plot_embedding:
    input:
        configs=of_runs(
            "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/config.json"
        ),
        weights=of_runs(
            "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/weights.pt"
        ),
        store=of_runs("data/{dataset}/store.json"),
        split=of_runs("results/splits/{dataset}/{imbalance}.csv"),
    output:
        png=report(
            "results/{folder}figures/{figure}.png",
            caption="../report/embedding.rst",
            category="Figures",
            labels={"figure": "{figure}", "what": "the rarest classes"},
        ),
        pdf="results/{folder}figures/{figure}.pdf",
        numbers="results/{folder}figures/{figure}.csv",
    log:
        "logs/{folder}figures/{figure}.log",
    params:
        titles=titles,
        classes=from_part("rarest"),
        seed=from_part("tsne_seed"),
        code=code_of("src/plot_embedding.py"),
    wildcard_constraints:
        figure=names_of("embedding"),
    resources:
        mem_mb=4000,
        gpu=1,
        runtime="30m",
    shell:
        r"""
        python src/plot_embedding.py \
            --config {input.configs:q} \
            --weights {input.weights:q} \
            --titles {params.titles:q} \
            --store "$(dirname {input.store:q})" \
            --split {input.split:q} \
            --classes {params.classes:q} \
            --seed {params.seed:q} \
            --pdf {output.pdf:q} \
            --png {output.png:q} \
            --numbers {output.numbers:q} \
            2>{log:q}
        """


rule plot_frequency:
    input:
        metrics=of_runs("results/runs/{dataset}/{imbalance}/{method}/seed{seed}/metrics.json"),
    output:
        png=report(
            "results/{folder}figures/{figure}_{dataset}_{imbalance}.png",
            caption="../report/frequency.rst",
            category="Figures",
            labels={
                "figure": "{figure}: {dataset}, {imbalance}",
                "what": "accuracy by class size",
            },
        ),
        pdf="results/{folder}figures/{figure}_{dataset}_{imbalance}.pdf",
    log:
        "logs/{folder}figures/{figure}_{dataset}_{imbalance}.log",
    params:
        labels=labels,
        reference=from_part("reference"),
        code=code_of("src/plot_frequency.py"),
    wildcard_constraints:
        figure=names_of("frequency"),
    localrule: True
    shell:
        r"""
        python src/plot_frequency.py \
            --metrics {input.metrics:q} \
            --config config \
            --reference {params.reference:q} \
            --pdf {output.pdf:q} \
            --png {output.png:q} \
            2>{log:q}
        """


rule plot_confusion:
    input:
        metrics=of_runs("results/runs/{dataset}/{imbalance}/{method}/seed{seed}/metrics.json"),
        counts=of_runs("results/runs/{dataset}/{imbalance}/{method}/seed{seed}/confusion.csv"),
    output:
        png=report(
            "results/{folder}figures/{figure}_{dataset}_{imbalance}.png",
            caption="../report/confusion.rst",
            category="Figures",
            labels={
                "figure": "{figure}: {dataset}, {imbalance}",
                "what": "which classes are confused",
            },
        ),
        pdf="results/{folder}figures/{figure}_{dataset}_{imbalance}.pdf",
    log:
        "logs/{folder}figures/{figure}_{dataset}_{imbalance}.log",
    params:
        labels=labels,
        code=code_of("src/plot_confusion.py"),
    wildcard_constraints:
        figure=names_of("confusion"),
    localrule: True
    shell:
        r"""
        python src/plot_confusion.py \
            --metrics {input.metrics:q} \
            --config config \
            --pdf {output.pdf:q} \
            --png {output.png:q} \
            2>{log:q}
        """


rule plot_magnitudes:
    input:
        gradients=of_runs("results/runs/{dataset}/{imbalance}/{method}/seed{seed}/gradients.json"),
    output:
        png=report(
            "results/{folder}figures/{figure}_{dataset}_{imbalance}.png",
            caption="../report/magnitudes.rst",
            category="Figures",
            labels={"figure": "{figure}: {dataset}, {imbalance}", "what": "gradients by class"},
        ),
        pdf="results/{folder}figures/{figure}_{dataset}_{imbalance}.pdf",
    log:
        "logs/{folder}figures/{figure}_{dataset}_{imbalance}.log",
    params:
        labels=labels,
        code=code_of("src/plot_magnitudes.py"),
    wildcard_constraints:
        figure=names_of("magnitudes"),
    localrule: True
    shell:
        r"""
        python src/plot_magnitudes.py \
            --gradients {input.gradients:q} \
            --config config \
            --pdf {output.pdf:q} \
            --png {output.png:q} \
            2>{log:q}
        """


rule plot_means:
    input:
        table=table_of_figure,
    output:
        png=report(
            "results/{folder}figures/{figure}.png",
            caption="../report/means.rst",
            category="Figures",
            labels={"figure": "{figure}", "what": "a table's means"},
        ),
        pdf="results/{folder}figures/{figure}.pdf",
    log:
        "logs/{folder}figures/{figure}.log",
    params:
        labels=labels,
        code=code_of("src/plot_means.py"),
    wildcard_constraints:
        figure=names_of("means"),
    localrule: True
    shell:
        r"""
        python src/plot_means.py \
            --table {input.table:q} \
            --config config \
            --pdf {output.pdf:q} \
            --png {output.png:q} \
            2>{log:q}
        """


rule plot_readings:
    input:
        tables=tables_of_figure,
        printed=printed_ratio,
    output:
        png=report(
            "results/{folder}figures/{figure}_{dataset}_{imbalance}.png",
            caption="../report/readings.rst",
            category="Figures",
            labels={"figure": "{figure}: {dataset}, {imbalance}", "what": "readings"},
        ),
        pdf="results/{folder}figures/{figure}_{dataset}_{imbalance}.pdf",
        numbers="results/{folder}figures/{figure}_{dataset}_{imbalance}.csv",
    log:
        "logs/{folder}figures/{figure}_{dataset}_{imbalance}.log",
    params:
        tables=table_flags,
        factor=factor_of,
        labels=labels,
        printed=printed_ratio_flags,
        confidence=WORKFLOW.confidence,
        code=code_of("src/plot_readings.py"),
    wildcard_constraints:
        figure=names_of("readings"),
    localrule: True
    shell:
        r"""
        python src/plot_readings.py \
            {params.tables} {params.printed} \
            --dataset {wildcards.dataset:q} \
            --factor {params.factor:q} \
            --config config \
            --confidence {params.confidence:q} \
            --pdf {output.pdf:q} \
            --png {output.png:q} \
            --numbers {output.numbers:q} \
            2>{log:q}
        """


rule plot_curves:
    input:
        histories=of_runs(
            "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}/history.csv"
        ),
        configs=of_runs(
            "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/{stage}/config.json"
        ),
    output:
        png=report(
            "results/{folder}figures/{figure}_{dataset}_{imbalance}.png",
            caption="../report/curves.rst",
            category="Figures",
            labels={"figure": "{figure}: {dataset}, {imbalance}", "what": "training curves"},
        ),
        pdf="results/{folder}figures/{figure}_{dataset}_{imbalance}.pdf",
        numbers="results/curves/{folder}{figure}_{dataset}_{imbalance}.csv",
    log:
        "logs/{folder}figures/{figure}_{dataset}_{imbalance}.log",
    params:
        labels=labels,
        code=code_of("src/plot_curves.py"),
    wildcard_constraints:
        figure=names_of("curves"),
    localrule: True
    shell:
        r"""
        python src/plot_curves.py \
            --history {input.histories:q} \
            --config config \
            --pdf {output.pdf:q} \
            --png {output.png:q} \
            --numbers {output.numbers:q} \
            2>{log:q}
        """


rule plot_temperatures:
    input:
        configs=of_runs(
            "results/runs/{dataset}/{imbalance}/{method}/seed{seed}/pretrain/config.json"
        ),
        splits=of_runs("results/splits/{dataset}/{imbalance}.csv"),
    output:
        png=report(
            "results/{folder}figures/{figure}.png",
            caption="../report/temperatures.rst",
            category="Figures",
            labels={"figure": "{figure}", "what": "temperature of each class"},
        ),
        pdf="results/{folder}figures/{figure}.pdf",
    log:
        "logs/{folder}figures/{figure}.log",
    params:
        code=code_of("src/plot_temperatures.py"),
    wildcard_constraints:
        figure=names_of("temperatures"),
    localrule: True
    shell:
        r"""
        python src/plot_temperatures.py \
            --config {input.configs:q} \
            --split {input.splits:q} \
            --pdf {output.pdf:q} \
            --png {output.png:q} \
            2>{log:q}
        """


rule audit:
    input:
        tables=compared_tables,
        claims="config/claims.yaml",
        paper=[f"config/paper/{name}.csv" for name in named.names(CONFIG, "paper")],
    output:
        table="results/{folder}claims.csv",
        page=report(
            "results/{folder}claims.html",
            caption="../report/claims.rst",
            category="Claims",
            labels={"table": "claims", "what": "verdicts"},
        ),
        markdown="results/{folder}claims.md",
        overview="results/{folder}overview.rst",
    log:
        "logs/{folder}claims.log",
    params:
        code=code_of("src/audit.py"),
    localrule: True
    shell:
        r"""
        python src/audit.py \
            --claims {input.claims:q} \
            --paper config/paper \
            --measured "$(dirname {output.table:q})" \
            --output {output.table:q} \
            --markdown {output.markdown:q} \
            --page {output.page:q} \
            --overview {output.overview:q} \
            2>{log:q}
        """
