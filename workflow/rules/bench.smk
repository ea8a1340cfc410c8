# How fast the training is, on the machine that asks: `make bench`.


rule bench:
    output:
        "results/bench/measured.csv",
    log:
        "logs/bench.log",
    params:
        bench=bench_settings,
        code=bench_code,
    resources:
        mem_mb=8000,
        runtime="1h",
    shell:
        r"""
        python src/bench.py \
            --config config \
            --threads {threads:q} \
            --output {output:q} \
            >{log:q} 2>&1
        """


rule tabulate_bench:
    input:
        "results/bench/measured.csv",
    output:
        table=report(
            "results/bench/table.csv",
            caption="../report/bench.rst",
            category="Speed",
            labels={"table": "bench", "what": "ratios and counts"},
        ),
        markdown="results/bench/table.md",
    log:
        "logs/tabulate_bench.log",
    params:
        bench=bench_settings,
        code=code_of("src/tabulate_bench.py"),
    localrule: True
    shell:
        r"""
        python src/tabulate_bench.py \
            --measured {input:q} \
            --config config \
            --output {output.table:q} \
            --markdown {output.markdown:q} \
            2>{log:q}
        """


rule plot_bench:
    input:
        "results/bench/table.csv",
    output:
        png=report(
            "results/bench/figure.png",
            caption="../report/bench.rst",
            category="Speed",
            labels={"table": "bench", "what": "figure"},
        ),
        pdf="results/bench/figure.pdf",
    log:
        "logs/plot_bench.log",
    params:
        code=code_of("src/plot_bench.py"),
    localrule: True
    shell:
        r"""
        python src/plot_bench.py \
            --table {input:q} \
            --pdf {output.pdf:q} \
            --png {output.png:q} \
            2>{log:q}
        """
