# snug: build, show, test. `make help` lists the targets.

GO      ?= go
BIN     ?= bin
PREFIX  ?= /usr/local
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

export CGO_ENABLED = 0

LDFLAGS = -s -w -X main.version=$(VERSION)
# Those that start apps begin at snug_entry: it records what the Go runtime changes before main,
# ignored signals and the file limit.
LAUNCHERS = snug snug-bwrap
PROGRAMS = $(LAUNCHERS) snug-ask snug-broker snug-copy snug-dbus-proxy snug-image snug-open snug-scope

.PHONY: build demo demo-boot test test-apps unit bench bench-boot bench-image fuzz lint install uninstall help

build: ## build the static programs into bin/
	@mkdir -p $(BIN)
	$(GO) build -trimpath -ldflags '$(LDFLAGS) -E snug_entry' -o $(BIN)/ $(addprefix ./cmd/,$(LAUNCHERS))
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ $(addprefix ./cmd/,$(filter-out $(LAUNCHERS),$(PROGRAMS)))

demo: build ## show what a program sees outside and in a sandbox
	@sh tests/demo.sh $(BIN)/snug

demo-boot: build ## boot a throw-away copy of this machine's own system
	@sh tests/demo-boot.sh $(BIN)/snug

test: ## everything, as an unprivileged user, with real parts installed from Debian's packages
	@sh tests/run.sh all

test-apps: ## more applications by their built-in manifests, with a gigabyte of packages
	@sh tests/run.sh apps

unit: ## the tests that need no other program, in under a minute
	@sh tests/run.sh unit

bench: build ## compare with bubblewrap and others, side by side in one run; as root also the next two
	@sh tests/run.sh bench

bench-boot: ## how fast systems boot, beside systemd-nspawn; as root
	@sh tests/run.sh bench-boot

bench-image: ## how fast images come in, beside tar and umoci, and boot again; as root
	@sh tests/run.sh bench-image

fuzz: ## every fuzz target for FUZZTIME each (default 60s)
	@sh tests/run.sh fuzz

lint: ## gofmt, go vet, staticcheck if installed
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	@if command -v staticcheck >/dev/null; then staticcheck ./...; fi

install: build ## install into PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 $(addprefix $(BIN)/,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/bin/
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 0644 docs/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -d $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 0644 docs/man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -D -m 0644 cmd/snug/completion/snug.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/snug
	install -D -m 0644 cmd/snug/completion/snug.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_snug
	install -D -m 0644 cmd/snug/completion/snug.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/snug.fish

uninstall: ## take away what install put there; manifests and kept homes stay. First: snug unwrap --all
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(PROGRAMS)) $(addprefix $(DESTDIR)$(PREFIX)/share/man/man1/,$(notdir $(wildcard docs/man/*.1))) \
		$(addprefix $(DESTDIR)$(PREFIX)/share/man/man5/,$(notdir $(wildcard docs/man/*.5))) \
		$(addprefix $(DESTDIR)$(PREFIX)/share/,bash-completion/completions/snug zsh/site-functions/_snug fish/vendor_completions.d/snug.fish)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12
