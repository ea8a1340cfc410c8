# What is trained on: the store of a dataset, its long-tailed sets, their coresets.
DECODED = decoded_datasets()


# Of images that are files. What a list of validation images or a store with slots adds to it
# (validation_*, train_sizes.npy) is in store.json too, and held against it by whatever reads it. A
# store with slots goes on after a kill in data/<name>/unfinished, which is no output.
rule decode:
    output:
        store="data/{dataset}/store.json",
        train_images="data/{dataset}/train_images.npy",
        train_labels="data/{dataset}/train_labels.npy",
        test_images="data/{dataset}/test_images.npy",
        test_labels="data/{dataset}/test_labels.npy",
        summary="data/{dataset}/summary.json",
    log:
        "logs/{dataset}/fetch.log",
    params:
        source=dataset_source,
        code=code_of("src/fetch.py"),
    wildcard_constraints:
        dataset=DECODED,
    threads: from_dataset("resources.threads")
    resources:
        mem_mb=from_dataset("resources.mem_mb"),
    shell:
        r"""
        python src/fetch.py \
            --config config \
            --dataset {wildcards.dataset:q} \
            --output data/{wildcards.dataset:q} \
            --threads {threads:q} \
            2>{log:q}
        """


# of what is downloaded or embedded
use rule decode as fetch with:
    wildcard_constraints:
        dataset=rf"(?!({DECODED})/)[^/]+",
    threads: 1
    localrule: True


rule hold_out:
    input:
        labels="data/{dataset}/train_labels.npy",
    output:
        "results/validation/{dataset}.csv",
    log:
        "logs/{dataset}/hold_out.log",
    params:
        images_per_class=from_dataset("validation.images_per_class"),
        seed=from_dataset("validation.seed"),
        code=code_of("src/hold_out.py"),
    localrule: True
    shell:
        r"""
        python src/hold_out.py \
            --labels {input.labels:q} \
            --images-per-class {params.images_per_class:q} \
            --seed {params.seed:q} \
            --output {output:q} \
            2>{log:q}
        """


rule split:
    input:
        labels=train_labels,
        held_out=held_out,
    output:
        "results/splits/{dataset}/{imbalance}.csv",
    log:
        "logs/{dataset}/{imbalance}/split.log",
    params:
        factor=factor_of,
        seed=from_dataset("split_seed"),
        held_out=held_out_flag,
        code=code_of("src/split.py"),
    localrule: True
    shell:
        r"""
        python src/split.py \
            --labels {input.labels:q} \
            --factor {params.factor:q} \
            --seed {params.seed:q} {params.held_out} \
            --output {output:q} \
            2>{log:q}
        """


rule place_targets:
    output:
        "results/targets/{classes}x{dimension}.npy",
    log:
        "logs/targets/{classes}x{dimension}.log",
    params:
        settings=target_settings,
        code=code_of("src/place_targets.py"),
    localrule: True
    shell:
        r"""
        python src/place_targets.py \
            --classes {wildcards.classes:q} \
            --dimension {wildcards.dimension:q} \
            --config config/targets.yaml \
            --output {output:q} \
            2>{log:q}
        """


rule configure_coreset:
    input:
        "workflow/templates/config.json.jinja",
    output:
        "results/coresets/{dataset}/{imbalance}/{coreset}/config.json",
    log:
        "logs/{dataset}/{imbalance}/coresets/{coreset}/configure.log",
    params:
        config_hash=coreset_hash,
        file=coreset_file,
    template_engine:
        "jinja2"


rule select_coreset:
    input:
        config="results/coresets/{dataset}/{imbalance}/{coreset}/config.json",
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/{imbalance}.csv",
    output:
        "results/coresets/{dataset}/{imbalance}/{coreset}/coreset.csv",
    log:
        "logs/{dataset}/{imbalance}/coresets/{coreset}/select.log",
    benchmark:
        "benchmarks/{dataset}/{imbalance}/coresets/{coreset}.tsv"
    params:
        code=code_of("src/select_coreset.py"),
        config_hash=coreset_hash,
        scratch="scratch/{dataset}/{imbalance}/coresets/{coreset}",
    threads: from_dataset("resources.threads")
    resources:
        mem_mb=from_dataset("resources.mem_mb"),
        gpu=1,
        runtime=coreset_runtime,
        precision="float32",
        arithmetic=arithmetic_of,
    shell:
        r"""
        python src/select_coreset.py \
            --config {input.config:q} \
            --config-hash {params.config_hash:q} \
            --store data/{wildcards.dataset:q} \
            --split {input.split:q} \
            --output {output:q} \
            --scratch {params.scratch:q} \
            --threads {threads:q} \
            --precision {resources.precision:q} \
            --arithmetic {resources.arithmetic:q} \
            2>{log:q}
        """
