# Every target sets the project up by itself on a fresh machine; arguments go in ARGS, another Python in PYTHON:
#   make test ARGS="-k signature -x"    make demo PYTHON=python3.13
# Without make: python3 tools/dev.py TARGET [ARGUMENT ...]
PYTHON ?= python3

TARGETS := setup demo test check bench chaos fuzz lock

.PHONY: help $(TARGETS)
help:
	@$(PYTHON) tools/dev.py --help

$(TARGETS):
	@$(PYTHON) tools/dev.py $@ $(ARGS)
