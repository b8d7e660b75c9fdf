# The developer's front door; the work is done by tools/* and ./test.
.PHONY: dev build check test bench fuzz format tidy cover clean help

dev:                ## build with sanitizers, in build-dev (the default)
	@tools/setup build test
	@tools/build dev

build:              ## build/grantd: the release, hardened and stripped
	@tools/setup build
	@tools/build release

check:              ## the quick tests: rules on the tree, unit tests, fuzz corpora
	@./test quick

test:               ## all tests
	@./test

bench: build        ## processor time per operation, beside the floor
	@tools/setup bench
	@tests/bench/run

fuzz:               ## fuzz every target for SECONDS (600)
	@tools/setup build test fuzz
	@tools/fuzz $(or $(SECONDS),600)

format:             ## clang-format over the tree
	@tools/setup format
	@find src tests -name '*.[ch]' -exec clang-format -i {} +

tidy:               ## clang-tidy, with the short list of .clang-tidy as errors
	@tools/setup build test tidy
	@tools/build clang
	@find src -name '*.c' -print0 | xargs -0 -n 4 -P 2 clang-tidy --quiet -p build-clang

cover:              ## lines that the unit tests reach
	@tools/setup build test cover
	@tools/build cover
	@meson test -C build-cover --quiet
	@gcovr --root . --filter src/ build-cover

clean:              ## remove everything that was built; keeps state/
	@rm -rf build build-* compile_commands.json

help:               ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16
