# What is trained on: the store of a dataset, its long-tailed sets, their coresets.


rule fetch:
    output:
        store="data/{dataset}/store.json",
        train_images="data/{dataset}/train_images.npy",
        train_labels="data/{dataset}/train_labels.npy",
        test_images="data/{dataset}/test_images.npy",
        test_labels="data/{dataset}/test_labels.npy",
    log:
        "logs/{dataset}/fetch.log",
    params:
        source=dataset_source,
        code=fingerprint("src/fetch.py"),
    localrule: True
    shell:
        r"""
        python src/fetch.py \
            --dataset config/datasets/{wildcards.dataset}.yaml \
            --output data/{wildcards.dataset} \
            2>{log}
        """


rule split:
    input:
        labels=train_labels,
    output:
        "results/splits/{dataset}/if{factor}.csv",
    log:
        "logs/{dataset}/if{factor}/split.log",
    params:
        seed=dataset_split_seed,
        code=fingerprint("src/split.py"),
    localrule: True
    shell:
        r"""
        python src/split.py \
            --labels {input.labels} \
            --factor {wildcards.factor} \
            --seed {params.seed} \
            --output {output} \
            2>{log}
        """


rule place_targets:
    output:
        "results/targets/{classes}x{dimension}.npy",
    log:
        "logs/targets/{classes}x{dimension}.log",
    params:
        settings=target_settings,
        code=fingerprint("src/place_targets.py"),
    localrule: True
    shell:
        r"""
        python src/place_targets.py \
            --classes {wildcards.classes} \
            --dimension {wildcards.dimension} \
            --config config/targets.yaml \
            --output {output} \
            2>{log}
        """


rule configure_coreset:
    output:
        "results/coresets/{dataset}/if{factor}/{coreset}/config.json",
    log:
        "logs/{dataset}/if{factor}/coresets/{coreset}/configure.log",
    params:
        config_hash=coreset_hash,
    localrule: True
    shell:
        r"""
        python src/configure.py --config config coreset \
            --dataset {wildcards.dataset} \
            --factor {wildcards.factor} \
            --coreset {wildcards.coreset} \
            --output {output} \
            2>{log}
        """


rule select_coreset:
    input:
        config="results/coresets/{dataset}/if{factor}/{coreset}/config.json",
        store="data/{dataset}/store.json",
        arrays=ancient(ARRAYS),
        split="results/splits/{dataset}/if{factor}.csv",
    output:
        "results/coresets/{dataset}/if{factor}/{coreset}/coreset.csv",
    log:
        "logs/{dataset}/if{factor}/coresets/{coreset}/select.log",
    benchmark:
        "benchmarks/{dataset}/if{factor}/coresets/{coreset}.tsv"
    params:
        code=fingerprint("src/select_coreset.py"),
        config_hash=coreset_hash,
        scratch="scratch/{dataset}/if{factor}/coresets/{coreset}.pt",
    threads: dataset_threads
    resources:
        mem_mb=dataset_mem_mb,
        gpu=1,
        runtime=coreset_runtime,
        precision="float32",
    shell:
        r"""
        python src/select_coreset.py \
            --config {input.config} \
            --config-hash {params.config_hash} \
            --store data/{wildcards.dataset} \
            --split {input.split} \
            --output {output} \
            --scratch {params.scratch} \
            --threads {threads} \
            --precision {resources.precision} \
            2>{log}
        """
