#!/bin/bash
# test.sh [PART...] - build and test everything; ends with "N passed, N failed".
#
#   unit      the unit tests
#   sim       the store's protocol, simulated: a million events, and each mutant found out
#   e2e       the end-to-end tests, in the lab
#   sanitize  both, built with AddressSanitizer and UBSan
#   fuzz      every fuzz target over its corpus, and a fixed number of runs
#   lint      shellcheck over the scripts; clang-format and clang-tidy over the C
# Without arguments: all, in half an hour on two cores. Builds into build-test*/; needs root
# for the lab.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")" || exit
. tests/lib/packages.sh
. tests/lib/steps.sh
umask 022

parts=${*:-lint unit sim sanitize e2e fuzz}
for part in $parts; do
    case $part in
    unit | sim | sanitize | e2e | fuzz | lint) ;;
    *)
        sed -n 's/^# \{0,1\}//; 2,11p' "$0"
        exit 2
        ;;
    esac
done
wanted() { [[ " $parts " = *" $1 "* ]]; }

passed=0 failed=0
log=$(mktemp) failures=$(mktemp)
finish() {
    # What failed in any part, at the end of a long output.
    cat "$failures"
    rm -f "$log" "$failures"
    echo "$passed passed, $failed failed"
    if [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]; then exit 0; else exit 1; fi
}
trap finish EXIT
trap 'failed=$((failed + 1)); exit' INT TERM HUP

# need TITLE COMMAND...: a step without which what follows is not tried
need() {
    step "$@" && return
    failed=$((failed + 1))
    return 1
}

build() { # DIRECTORY OPTIONS...
    local directory=$1
    shift
    [ -e "$directory/build.ninja" ] || meson setup "$directory" --werror "$@" || return
    ninja -C "$directory"
}

build_fuzz() { # DIRECTORY
    local targets
    [ -e "$1/build.ninja" ] || CC=clang meson setup "$1" -Dfuzz=true \
        -Db_sanitize=address,undefined -Db_lundef=false || return
    targets=$(ninja -C "$1" -t targets all | sed -n 's|^\(tests/fuzz/fuzz-[^:./]*\):.*|\1|p')
    # shellcheck disable=SC2086 # a list of names
    ninja -C "$1" $targets
}

# count_meson DIRECTORY: add up what the last `meson test` there says
count_meson() {
    local counts
    counts=$(awk -F: '/^(Ok|Expected Fail) *:/ {ok += $2} /^(Fail|Unexpected Pass|Timeout) *:/ {bad += $2}
        END {print ok + 0, bad + 0}' "$1/meson-logs/testlog.txt" 2>/dev/null)
    passed=$((passed + ${counts% *}))
    failed=$((failed + ${counts#* }))
    [ "${counts:-0 0}" != "0 0" ] || failed=$((failed + 1)) # it did not come to any test
}

suite() { # TITLE DIRECTORY SUITE
    rm -f "$2/meson-logs/testlog.txt"
    step "$1" meson test -C "$2" --suite "$3" --no-rebuild --print-errorlogs
    count_meson "$2"
}

e2e() { # DIRECTORY TEST...: all when none is named
    local result=$PWD/$1/e2e.result directory=$1 jobs
    jobs=$(nproc)
    [ "$jobs" -le 4 ] || jobs=4 # each has a cluster of its own
    shift
    rm -f "$result"
    tests/e2e/run --build "$PWD/$directory" --result "$result" --jobs "$jobs" "$@" </dev/null | tee >(grep '^FAILED ' >>"$failures")
    read -r good bad <"$result" || bad=1 good=0
    passed=$((passed + good))
    failed=$((failed + bad))
}

# Every line of C, of all programs and tests, as build-test/ compiles it.
tidy() {
    [ -e build-test/build.ninja ] || meson setup build-test --werror >/dev/null || return
    run-clang-tidy -quiet -p build-test -j "$(nproc)" 2>/dev/null | grep -E -A4 '(error|warning): '
    return "${PIPESTATUS[0]}"
}

check() { # TITLE COMMAND...: a step that counts as a test
    if step "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

lint() {
    check "shellcheck" shellcheck -S warning -e SC1091,SC2154 demo.sh test.sh .ci/run conf/*.sh tests/lib/*.sh \
        tests/lab/lab tests/lab/lib/* tests/e2e/run tests/e2e/*.sh
    check "clang-format" find agent backend conf man tests tui -name '*.[ch]' -exec clang-format --dry-run -Werror {} +
    check "clang-tidy" tidy
}

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}

need "Installing what is missing" packages_install packages.txt console agent host lab test || exit
if wanted lint; then lint; fi
if wanted unit || wanted sim || wanted e2e; then
    need "Building" build build-test || exit
fi
if wanted unit; then suite "Unit tests" build-test unit; fi
if wanted sim; then suite "Simulated cluster" build-test sim; fi
if wanted e2e; then e2e build-test; fi
if wanted sanitize; then
    if need "Building with sanitizers" build build-test-sanitize -Db_sanitize=address,undefined -Db_lundef=false; then
        suite "Unit tests with sanitizers" build-test-sanitize unit
        # Those that mostly wait for corosync or for slow copies, and have little of their own,
        # run once only.
        mapfile -t names < <(cd tests/e2e && find . -maxdepth 1 -name 'test_*' -perm -u+x -printf '%f\n' | sort |
            grep -v -e cluster_links -e cluster_device -e console_ways -e drain -e migration_ids -e migration_offline)
        e2e build-test-sanitize "${names[@]}"
    fi
fi
if wanted fuzz; then
    if need "Building fuzz targets" build_fuzz build-test-fuzz; then
        suite "Fuzz targets" build-test-fuzz fuzz
    fi
fi
