# Two commands: `make lab` opens the lesson where you are, `make test` checks everything.
PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 8888
NEWEST ?= .venv-newest
BIN    := $(VENV)/bin
# In a terminal pip shows how far it is; in a log it says nothing.
PIP    := -m pip install $(if $(MAKE_TERMOUT),,--quiet)
READY  := $(VENV)/.ready

.PHONY: lab check test test-browser test-colab test-exercises test-newest test-types fix build site site-links bench demo clean
.DEFAULT_GOAL := help

help:
	@echo "make lab    set up and open the lesson where you are   (PORT=8888, NO_BROWSER=1)"
	@echo "make check  the quick part of the tests: format, slips, spelling, notebooks current (for a commit hook)"
	@echo "make test   set up and check everything that CI checks"
	@echo "make test-browser  the part of it in JupyterLab and Chromium; pictures in runs/browser"
	@echo "make test-colab    the part of it with the versions that Colab holds"
	@echo "make test-newest  the same with the newest releases of everything   (FEW=1: fewer tests)"
	@echo "make demo   run lecture 04 and grade an example class"
	@echo "make fix    format, and mend what can be mended"
	@echo "make build  make the notebooks again whose source or library changed (yours are overwritten)"
	@echo "make site   the lectures as pages to read: docs/site/_build/html/index.html"
	@echo "make bench  measure speed beside the peers"
	@echo "make clean  remove the environment and everything that can be made again"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed, this is " + sys.version.split()[0] + "; name another with: make PYTHON=python3.12 ...")'
	@echo "The first time, some minutes: Python's packages are installed in $(VENV)."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) --constraint constraints.txt --editable '.[dev]'
	@# JupyterLab's question about its news would lie over the first lesson.
	@$(BIN)/jupyter labextension disable --level=sys_prefix '@jupyterlab/apputils-extension:announcements' >/dev/null 2>&1
	@touch $@

build: $(READY)
	$(BIN)/course build

lab: $(READY)
	@# Only what is missing: a notebook that is there may hold somebody's answers.
	$(BIN)/course build --missing
	$(BIN)/course start
	@# Served from the course's root, so that the exercise beside a lecture can be opened too.
	lesson="$$($(BIN)/course start --path)" && $(BIN)/python -m jupyterlab --log-level=WARN --port=$(PORT) $(if $(NO_BROWSER),--no-browser) \
		$(if $(filter 0,$(shell id -u)),--allow-root) --ServerApp.root_dir="$(CURDIR)" \
		--LabApp.default_url="/lab/tree/$${lesson#$(CURDIR)/}"

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/course build --check

test: check
	@# What uses one core each, two at a time.
	$(MAKE) --jobs=2 test-browser test-colab test-types test-exercises
	@# One thread a worker: two programs with two threads each get in each other's way on two cores.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal
	@# Kernels forked from a process that has imported the libraries: the kernel course-warm.
	JUPYTER_PATH=$(CURDIR)/course_lib/classroom/jupyter OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile \
		--nbval-lax --nbval-kernel-name course-warm notebooks/*.ipynb solutions/*.ipynb

test-browser: $(READY)
	$(BIN)/python -m pytest tests/browser

test-types: $(READY)
	$(BIN)/mypy

test-exercises: $(READY)
	$(BIN)/course check

test-colab: $(READY)
	$(BIN)/python -m pytest tests/packaging/on_colab.py

# The same without constraints: what will break next. FEW=1 leaves out the tests that execute whole lectures, and all lectures but three.
test-newest:
	$(PYTHON) -m venv --clear $(NEWEST)
	@echo '*' > $(NEWEST)/.gitignore
	$(NEWEST)/bin/python $(PIP) --editable '.[dev]'
	@touch $(NEWEST)/.ready  # or a test that calls make would install the pinned versions
	OMP_NUM_THREADS=1 $(NEWEST)/bin/python tests/packaging/newest.py --report runs/newest.md \
		--tests $(if $(FEW),tests/test_*.py tests/data tests/metrics tests/models tests/training course_lib,tests course_lib) \
		--lectures $(if $(FEW),notebooks/01_*.ipynb notebooks/04_*.ipynb notebooks/09_*.ipynb,notebooks/*.ipynb)

fix: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

site: $(READY)
	$(BIN)/python docs/site/build.py

site-links: $(READY)
	$(BIN)/python docs/site/build.py --links

bench: $(READY)
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

demo: $(READY)
	$(BIN)/course demo --out demo

clean:
	rm -rf $(VENV) $(NEWEST) demo runs docs/site/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
