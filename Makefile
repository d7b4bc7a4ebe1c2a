# make demo: install what is missing, build, and see it work. make test: everything that CI checks.
SHELL := /bin/bash
PREFIX ?= /usr/local
CONFIGURATION ?= release
SWIFT ?= swift
BIN = .build/$(CONFIGURATION)
# With Swift's libraries inside, the programs run where no Swift is installed, and start in two thirds of the time.
STATIC = --static-swift-stdlib

# What building needs, and what the tests and the demonstration need beside it.
BUILD_DEPS = libtorrent-rasterbar-dev libssl-dev libsqlite3-dev libzstd-dev libmaxminddb-dev pkg-config
TEST_DEPS = aria2 btcheck transmission-cli qbittorrent-nox curl rsync apt-utils dpkg-dev strace zstd btrfs-progs libmaxmind-db-writer-perl chromium createrepo-c dnf rpm iproute2
DEPS = $(BUILD_DEPS) $(TEST_DEPS)

# Formatting and lint see our own sources only.
SOURCES = Package.swift Sources tracker Tests

# The benchmark: its own build directory, so that it never measures half of another build, and where results go.
BENCH = .build-release
BENCH_RESULTS ?= $(BENCH)/results
BENCH_ARGS ?=

.PHONY: all deps build test demo bench install format lint clean

all: build

# Idempotent: asks Debian only for what is not installed.
deps:
	@missing=$$(for package in $(DEPS); do dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
	if [ -n "$$missing" ]; then \
		echo "installing: "$$missing; \
		sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
		$$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

build: deps
	$(SWIFT) build -c $(CONFIGURATION) $(STATIC) --product swarm-publish
	$(SWIFT) build -c $(CONFIGURATION) $(STATIC) --product swarm-node
	$(SWIFT) build -c $(CONFIGURATION) $(STATIC) --product swarm-tracker

# A few at a time: each starts programs and waits for them, and all at once would wait for one another. What failed is
# said again at the end.
test: deps lint
	$(SWIFT) build --build-tests
	@set -o pipefail; $(SWIFT) test --skip-build --experimental-maximum-parallelization-width 4 2>&1 | tee .build/tests.log || \
		{ echo; echo 'What failed:'; grep -a -A 3 '^✘' .build/tests.log; exit 1; }

demo: build
	packaging/demo.sh "$$PWD/$(BIN)"

# BENCH_ARGS='--files 10000 --only tree poll' for less of it; see swarm-bench --help.
bench: deps
	for product in swarm-publish swarm-node swarm-tracker bare-client swarm-bench; do \
		$(SWIFT) build -c release $(STATIC) --scratch-path $(BENCH) --product $$product || exit 1; \
	done
	mkdir -p $(BENCH_RESULTS)
	$(BENCH)/release/swarm-bench --json $(BENCH_RESULTS)/benchmark.json --svg $(BENCH_RESULTS)/benchmark.svg \
		--markdown $(BENCH_RESULTS)/benchmark.md $(BENCH_ARGS)

install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/share/doc/swarm-mirror
	install -m 0755 $(BIN)/swarm-publish $(BIN)/swarm-node $(BIN)/swarm-tracker $(DESTDIR)$(PREFIX)/bin/
	for unit in packaging/*.service; do \
		sed 's|\([=:]\)/usr/|\1$(PREFIX)/|' $$unit >$(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/} || exit 1; \
	done
	install -m 0644 README.md CHANGELOG.md LICENSE packaging/swarm-node.toml packaging/swarm-tracker.toml $(DESTDIR)$(PREFIX)/share/doc/swarm-mirror/

format:
	$(SWIFT) format --in-place --recursive --parallel $(SOURCES)

lint:
	$(SWIFT) format lint --strict --recursive --parallel $(SOURCES)

clean:
	rm -rf .build $(BENCH) demo
