# `make help` lists what there is. Nothing has to be done before: each target makes what it needs.

SHELL := /bin/bash
PYTHON ?= python3
STAMP := .venv/.complete

# lock: torch as locked, with CUDA on Linux. cpu: the same version for processors only, from
# TORCH_INDEX. none: no torch, enough to plan and to submit. The environment remembers which it was
# made with.
TORCH ?= $(or $(shell cat $(STAMP) 2>/dev/null),lock)
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TRAIN_lock := requirements/train.txt
TRAIN_cpu := requirements/train-cpu.txt
TRAIN_none := requirements/workflow.txt
TRAIN := $(or $(TRAIN_$(TORCH)),$(error TORCH is '$(TORCH)'. Use 'lock', 'cpu' or 'none'))
LOCKS := $(sort requirements/workflow.txt $(TRAIN) requirements/dev.txt)

# What `make bench` compares with, if it can be had; no part of what trains.
PEERS := .venv/.peers
# what validates the archive of `make archive`, in an environment of its own
VALIDATOR := .venv/validator

# The image that rules run in. SUITE and MIRROR replace the recipe's Debian and the snapshot it comes
# from. WHEELS: a folder with the packages (`make wheels`), for builds without an index.
IMAGE := containers/train.sif
IMAGE_LOCK := containers/images.lock.yaml
SUITE ?=
MIRROR ?=
WHEELS ?=
DOCKER_BASE ?= debian:bookworm-slim

# what `make plan` says the cost of, and `make archive` puts in one file: a name in config/config.yaml
CHOSEN := $(or $(COLLECTION),demo)
PLAN := results/$(if $(filter-out paper,$(CHOSEN)),$(CHOSEN)/)plan

# where the runs of `make evidence` are from
EVIDENCE := results/$(or $(COLLECTION),acceptance)

# what `make export` hands on: a run, by the parts of its path
DATASET ?= digits
IMBALANCE ?= if100
SEED ?= 0
RUN = $(DATASET)/$(IMBALANCE)/$(or $(METHOD),$(error METHOD: name one of config/methods, as in \
	`make export METHOD=cogloat`))/seed$(SEED)

# hashes of the demo's results, as they were published
DEMO_BITS := docs/demo_bits.json

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --quiet
# what TORCH_INDEX gives, and what only torch's CUDA build needs
NOT_FOR_CPU := torch|torchvision|triton|cuda-[a-z]+|nvidia-[a-z0-9-]+

export PATH := $(CURDIR)/.venv/bin:$(PATH)

# The whole of a collection, and its report. On a terminal a bar a rule, elsewhere a line whenever a
# training has begun or ended; whatever failed is shown with its log. All commands are in
# .snakemake/log.
define make_collection
	@[ -t 2 ] || { python src/watch.py --collection $(1) --counts & trap "kill $$!" EXIT; }; \
	snakemake --logger rich --config collection=$(1)
	@echo "making the report"; snakemake --config collection=$(1) --report results/$(1)/report.html \
		>logs/report.log 2>&1 || { cat logs/report.log >&2; exit 1; }
endef

.PHONY: help env demo plan report watch audit bench test test-long test-quick test-cluster lint lock schemas \
	certify publish evidence coverage export archive validator tensorboard \
	container container-lock container-verify dockerfile wheels

help:
	@echo "make env      the environment, .venv, from the locks with hashes"
	@echo "make demo     the graph on embedded real data (digits), with a report: minutes on 2 cores"
	@echo "make plan     hours, memory and disk of COLLECTION=paper, before it is made: a minute a dataset"
	@echo "make report   every table, figure and verdict on that data, as one HTML file: half an hour"
	@echo "make watch    how far the trainings are, on this machine or on a cluster (COLLECTION=paper)"
	@echo "make tensorboard   the curves of COLLECTION=demo in TensorBoard, while they are made and after"
	@echo "make audit    the paper's claims, decided by its own tables: seconds, no training"
	@echo "make bench    how fast the training is, in ratios beside their goals: 5 minutes on 2 idle cores"
	@echo "make test     lint, types and tests: some nine minutes on 2 cores"
	@echo "make test-long     the other tests: kills and restarts, clones, whole sets of runs"
	@echo "make test-quick    most tests, within a minute"
	@echo "make test-cluster  the graph on a real SLURM with real containers; Debian, as root"
	@echo "make lint     formatting, lint and types alone"
	@echo "make lock     requirements/*.txt from requirements/*.in; needs uv"
	@echo "make schemas  workflow/schemas from the configuration's types"
	@echo "make export   METHOD=ce: a run's classifier as safetensors with a model card, into exports"
	@echo "make archive  a collection's results, code and provenance as one ZIP file, a Workflow RO-Crate"
	@echo "make certify  keep results whose code changed, if no bit of the tiny runs does: minutes"
	@echo "make coverage what of the paper has been made, in README and docs/coverage.md"
	@echo "make evidence keep the accuracies of COLLECTION=acceptance with their provenance, for git"
	@echo "make publish  write anew the hashes that the demo and the tiny runs are held against"
	@echo
	@echo "make container         the image that jobs of a cluster run in; needs Apptainer, no root"
	@echo "make container-verify  whether it is what the locks ask for, and its SHA-256"
	@echo "make dockerfile        the same recipe for Docker"
	@echo
	@echo "DATASET=digits IMBALANCE=if100 SEED=0   of make export; COLLECTION=demo   of make archive, plan"
	@echo "PYTHON=python3.12   another interpreter, 3.11 or later"
	@echo "TORCH=cpu           torch for processors only: a far smaller download"
	@echo "TORCH=none          no torch: a submit host's environment, which trains in the image alone"

env: $(STAMP)

# not made yet, or made with another TORCH
ifneq ($(TORCH),$(shell cat $(STAMP) 2>/dev/null))
.PHONY: $(STAMP)
endif
$(STAMP): $(LOCKS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"error: '$(PYTHON)' is not Python 3.11 or later. Name one that is: make env PYTHON=python3.12" \
		>&2; exit 2; }
	$(PYTHON) -m venv .venv
	@echo "installing $(LOCKS) into .venv: this takes minutes"
	python -m pip install --quiet --require-hashes $(addprefix -r ,$(LOCKS))
ifeq ($(TORCH),cpu)
	python -m pip install --quiet --no-deps --index-url $(TORCH_INDEX) \
		$$(grep -E '^torch(vision)?==' requirements/train.in)
endif
	@echo $(TORCH) > $@

demo: env
	$(call make_collection,demo)
	@cat results/demo/table2.md
	@python src/verify_bits.py --published $(DEMO_BITS)
	@echo "open results/demo/report.html"

plan: env
ifneq ($(TORCH),none)
	snakemake --config collection=$(CHOSEN) -- calibrations
endif
	snakemake $(PLAN).csv
	@cat $(PLAN).md

report: env
	$(call make_collection,demo-full)
	@echo "open results/demo-full/report.html"

watch: env
	@python src/watch.py $(if $(COLLECTION),--collection $(COLLECTION))

# It reads logs: trainings know nothing of it.
BOARD := exports/tensorboard/$(CHOSEN)
tensorboard: env
	@python src/log_curves.py --collection $(CHOSEN) --output $(BOARD)
	@python src/log_curves.py --collection $(CHOSEN) --output $(BOARD) --follow 10 & \
	trap "kill $$!" EXIT; tensorboard --logdir $(BOARD)

audit: env
	python src/audit.py --claims config/claims.yaml --paper config/paper \
		--output results/audit/claims.csv --markdown results/audit/claims.md
	@cat results/audit/claims.md

bench: env $(PEERS)
	snakemake --forcerun bench -- results/bench/table.csv results/bench/figure.png
	@cat results/bench/table.md
	@python src/judge_bench.py --table results/bench/table.csv

$(PEERS): requirements/bench.txt $(STAMP)
	@python -m pip install --quiet --no-deps --require-hashes -r $< && touch $@ || \
		echo "warning: $< could not be installed; the bench leaves its rows out" >&2

# a file's tests share what it has made
PYTEST := OMP_NUM_THREADS=1 pytest -n 2 --dist
test: lint validator
	$(PYTEST) loadfile --no-loadscope-reorder -m 'not long'

test-long: env validator
	$(PYTEST) loadfile --no-loadscope-reorder -m long

test-quick: env
	$(PYTEST) worksteal -m 'not (slow or long)' tests/unit tests/workflow

test-cluster: env
	bash tests/cluster/run.sh

lint: env
	ruff check
	ruff format --check
	mypy src containers
	PYTHONPATH=src lint-imports --no-logo --no-cache
	snakefmt --check workflow
	snakemake --lint
	codespell

lock:
	$(COMPILE) requirements/workflow.in -o requirements/workflow.txt
	$(COMPILE) -c requirements/workflow.txt requirements/train.in -o requirements/train.txt
	$(COMPILE) -c requirements/train.txt requirements/train.in -o requirements/train-cpu.txt \
		$$(sed -nE 's/^($(NOT_FOR_CPU))==.*/--no-emit-package \1/p' requirements/train.txt)
	$(COMPILE) -c requirements/workflow.txt -c requirements/train.txt requirements/dev.in \
		-o requirements/dev.txt
	$(COMPILE) --no-deps -c requirements/train.txt requirements/bench.in -o requirements/bench.txt
	$(COMPILE) requirements/validator.in -o requirements/validator.txt

schemas: env
	python src/describe_config.py --output-dir workflow/schemas

publish: env
	snakemake results/demo/table2.csv
	python src/verify_bits.py --published $(DEMO_BITS) --write results/demo/table2.csv
	python tests/bits.py --output tests/bits.json
	$(MAKE) coverage DEMO=results/demo/table2.md

evidence: env
	python src/keep_evidence.py --tables $(EVIDENCE)/table2.csv \
		--revision "$$(git describe --always --dirty)" --output $(EVIDENCE)/evidence.json
	$(MAKE) coverage

coverage: env
	python src/describe_coverage.py --config config --small tests/bits.json \
		--evidence $(wildcard results/*/evidence.json) $(if $(DEMO),--demo $(DEMO)) \
		--pages README.md docs/coverage.md

export: env
	snakemake results/runs/$(RUN)/metrics.json
	python src/export.py --run results/runs/$(RUN) --output-dir exports/$(RUN)
	@echo "exports/$(RUN)/README.md says what exports/$(RUN)/model.safetensors is"

archive: env validator
	snakemake --config collection=$(CHOSEN)
	python src/archive.py --collection $(CHOSEN) --output exports/$(CHOSEN).crate.zip
	@! [ -f $(VALIDATOR)/.complete ] || { echo "validating it"; \
		$(VALIDATOR)/bin/python tests/validate_crate.py exports/$(CHOSEN).crate.zip; }
	@echo "exports/$(CHOSEN).crate.zip: publish it on WorkflowHub or Zenodo"

validator: $(VALIDATOR)/.complete
$(VALIDATOR)/.complete: requirements/validator.txt $(STAMP)
	@$(PYTHON) -m venv --clear $(VALIDATOR)
	@$(VALIDATOR)/bin/python -m pip install --quiet --require-hashes -r $< && touch $@ || \
		echo "warning: $< could not be installed; the archive is not validated" >&2

certify: env
	python src/certify.py --revision $(or $(REVISION),HEAD) --output workflow/certified.json

container: env
	apptainer build --force --fakeroot --mksquashfs-args '-comp zstd -Xcompression-level 3' \
		$(if $(SUITE),--build-arg 'SUITE=$(SUITE)') $(if $(MIRROR),--build-arg 'MIRROR=$(MIRROR)') \
		--build-arg "REVISION=$$(git describe --always --dirty)" \
		--build-arg "RECIPE=$$(sha256sum containers/train.def | cut -d' ' -f1)" \
		$(if $(WHEELS),--bind '$(WHEELS):/mnt' --build-arg 'PIP_FLAGS=--no-index --find-links /mnt') \
		$(IMAGE) containers/train.def
	$(MAKE) container-lock

container-lock: env
	python src/verify_image.py --image $(IMAGE) --lock $(IMAGE_LOCK) --write-lock

container-verify: env
	python src/verify_image.py --image $(IMAGE) --lock $(IMAGE_LOCK)

dockerfile: env
	python containers/dockerfile.py --base $(DOCKER_BASE) >containers/Dockerfile
	@echo "docker build --file containers/Dockerfile --tag cogloat ."

wheels: env
	python -m pip download --require-hashes -r requirements/train.txt -d $(or $(WHEELS),wheels)
