# What a newcomer on Debian 12 or Ubuntu types: make demo, make test. Everything else here serves these two.

PYTHON = /usr/bin/python3
VENV = .venv
PYTEST = $(VENV)/bin/python -m pytest
STORE = $(or $(SMOLVM_HOME),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/smolvm)

# Guests: QEMU, firmware, TPM.
PACKAGES = qemu-system-x86 qemu-utils ovmf swtpm
# Python: the plugin's dependencies, from the distribution.
PACKAGES += python3-venv python3-pytest python3-pytest-xdist python3-paramiko python3-filelock python3-pycdlib python3-setuptools python3-wheel mypy
# Pictures of screens, and what is written on them.
PACKAGES += python3-pil python3-numpy tesseract-ocr
# WinRM, where a disk that is brought has no SSH server.
PACKAGES += python3-winrm
# The practice image.
PACKAGES += mmdebstrap uidmap systemd-boot-efi mtools dosfstools e2fsprogs fdisk binutils zstd gcc libc6-dev gcc-mingw-w64-x86-64-win32
# Tests: an SSH server of the host's, the bare ssh that the benchmark compares with, foreign ISO and NTFS files, a boot loader for a BIOS, a reader of the
# workflow, a plugin of others that runs failed tests again.
PACKAGES += openssh-server openssh-client sshpass genisoimage ntfs-3g syslinux syslinux-common python3-yaml python3-pytest-rerunfailures

# Tests: what shows pages and windows on this host. Large, and nothing that a demo needs.
SHOWING = chromium xvfb

.PHONY: setup demo test check bench soak test-long clean

setup: $(VENV)/ready

$(VENV)/ready: Makefile pyproject.toml scripts/packages.sh
	@scripts/packages.sh $(PACKAGES)
	$(PYTHON) -m venv --system-site-packages $(VENV)
	$(VENV)/bin/pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@$(VENV)/bin/python -m compileall -q pytest_smolvm  # as an installed package is; or else each start compiles anew
	@touch $@

SHELL = /bin/bash

demo: setup  ## build the practice image if need be, and run the examples on it
	$(VENV)/bin/pytest-smolvm practice build >/dev/null
	$(PYTEST) examples -v -m "not slow" -n 2 --dist loadfile -p no:cacheprovider --smolvm-image=practice

test: setup  ## the suite, but for what takes long under emulation
	@scripts/packages.sh $(SHOWING) || echo "$@: tests that need one of $(SHOWING) are skipped"
	$(VENV)/bin/pytest-smolvm practice build >/dev/null
	$(PYTEST) tests examples -m "not slow" -n 2 --dist loadfile -ra --durations 20 --smolvm-image=practice

test-long: setup  ## the rest: templates baked over and over, installations that wait for a time-out or are killed
	@scripts/packages.sh $(SHOWING) || echo "$@: tests that need one of $(SHOWING) are skipped"
	$(VENV)/bin/pytest-smolvm practice build >/dev/null
	$(PYTEST) tests examples -m slow -n 2 --dist loadfile -ra --durations 20 --smolvm-image=practice

check: setup  ## format, lint, types, the floors: what takes a minute at most
	@if command -v ruff >/dev/null; then ruff format --check && ruff check; else \
	  echo "make check: no ruff on PATH, so neither format nor lint is checked; pip install ruff brings one"; fi
	$(VENV)/bin/python -m mypy
	$(PYTEST) -q -p no:cacheprovider tests/test_architecture.py

bench: setup  ## measure on this machine, beside bare commands; writes bench.json
	$(VENV)/bin/pytest-smolvm practice build >/dev/null
	$(VENV)/bin/python -m benchmarks --output bench.json

soak: setup  ## twice 200 kills at random moments, in two pid namespaces on one store, and a crowd of guests; hours
	$(VENV)/bin/pytest-smolvm practice build >/dev/null
	$(VENV)/bin/python tests/faults.py --kills 200 --namespaces 2
	$(VENV)/bin/python tests/faults.py --kills 200 --namespaces 2 --states
	$(PYTEST) tests/booted/test_crowd.py -ra --smolvm-image=practice

clean:  ## remove the virtual environment, and of the store what dead runs left and nobody used for a week
	if [ -x $(VENV)/bin/pytest-smolvm ]; then $(VENV)/bin/pytest-smolvm prune; fi
	rm -rf $(VENV) .pytest_cache .mypy_cache bench.json
