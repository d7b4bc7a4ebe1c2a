# make demo: install what is missing, build, and see it work. make test: everything that CI checks.
SHELL := /bin/bash
PREFIX ?= /usr/local
CONFIGURATION ?= release
SWIFT ?= swift
BIN = .build/$(CONFIGURATION)

# What building needs, and what the tests and the demonstration need beside it.
BUILD_DEPS = libtorrent-rasterbar-dev libssl-dev libsqlite3-dev libzstd-dev pkg-config
TEST_DEPS = aria2 transmission-cli qbittorrent-nox curl rsync apt-utils dpkg-dev strace zstd
DEPS = $(BUILD_DEPS) $(TEST_DEPS)

# Formatting and lint see our own sources only.
SOURCES = Package.swift Sources Tests

.PHONY: all deps build test demo install format lint clean

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
	$(SWIFT) build -c $(CONFIGURATION) --product swarm-publish
	$(SWIFT) build -c $(CONFIGURATION) --product swarm-node

test: deps lint
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build

demo: build
	packaging/demo.sh "$$PWD/$(BIN)"

install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/share/doc/swarm-mirror
	install -m 0755 $(BIN)/swarm-publish $(BIN)/swarm-node $(DESTDIR)$(PREFIX)/bin/
	install -m 0644 packaging/*.service $(DESTDIR)$(PREFIX)/lib/systemd/system/
	install -m 0644 README.md CHANGELOG.md LICENSE packaging/swarm-node.toml $(DESTDIR)$(PREFIX)/share/doc/swarm-mirror/

format:
	$(SWIFT) format --in-place --recursive --parallel $(SOURCES)

lint:
	$(SWIFT) format lint --strict --recursive --parallel $(SOURCES)

clean:
	rm -rf .build demo
