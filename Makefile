# make lab     시작 페이지를 엽니다 · open the start page in JupyterLab
# make test    모든 검사를 돌립니다 · run every check and every test
#
# The rest: lab-ko, lab-en (one language's first lesson), setup, check, notebooks, bench.

SHELL := /bin/sh
PYTHON := .venv/bin/python
# A virtual environment cannot be moved, so the stamp knows where it was made.
READY := .venv/ready-$(shell pwd | cksum | cut -d' ' -f1)
# Tests start thousands of processes: each would compile the engine for itself.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: lab lab-ko lab-en setup test check notebooks bench

lab: setup
	@$(PYTHON) -m lessons_lib.lab

lab-ko: setup
	@$(PYTHON) -m lessons_lib.lab ko

lab-en: setup
	@$(PYTHON) -m lessons_lib.lab en

setup: $(READY)

$(READY): pyproject.toml constraints.txt lessons_lib/setup.sh
	@sh lessons_lib/setup.sh
	@touch $@

# With CI=true a test that cannot run here fails instead of being skipped.
test: check
	@$(PYTHON) tests/needs.py install
	@$(PYTHON) tests/run.py --ignore tests/tidy

check: setup
	@$(PYTHON) -m mypy & typed=$$!; \
	 $(PYTHON) -m ruff check && $(PYTHON) -m ruff format --check && .venv/bin/lint-imports && \
	 $(PYTHON) -m pytest tests/tidy; others=$$?; \
	 wait $$typed && exit $$others

# Lessons that changed, or all: make notebooks LESSONS="03 04"
notebooks: setup
	@$(PYTHON) -m lessons_lib.publish build $(LESSONS)

bench: setup
	@failed=0; for each in bench bench_api bench_build bench_layers bench_networks bench_ports bench_registry \
			bench_registry_server; do \
		$(PYTHON) tests/$$each.py || failed=1; \
	done; exit $$failed
