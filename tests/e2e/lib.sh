# shellcheck shell=bash
# lib.sh - what end-to-end tests in shell share: sourced first. Prints TAP; when the
# script ends, however, its lab is taken down, and unless it called `finish` it failed.
set -uo pipefail
export LAB=${LAB:-e$$} BUILD=${BUILD:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build}
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/../lab" && pwd)/lab
tap_count=0 tap_failed=0 tap_finished=

# check WHAT COMMAND...: ok if the command succeeds; what it said otherwise
check() {
    local what=$1 output status=0
    shift
    tap_count=$((tap_count + 1))
    output=$("$@" 2>&1) || status=$?
    if [ $status -eq 0 ]; then
        echo "ok $tap_count - $what"
    else
        echo "not ok $tap_count - $what"
        { echo "$* (status $status):" && tail -c 2000 <<<"$output"; } | sed 's/^/#   /'
        tap_failed=$((tap_failed + 1))
        return 1
    fi
}

check_fails() { # WHAT COMMAND...
    local what=$1
    shift
    check "$what" not "$@"
}

not() {
    ! "$@"
}

same() { # WHAT EXPECTED FOUND
    check "$1" same_text "$2" "$3"
}

same_text() {
    [ "$1" = "$2" ] || {
        printf 'expected: %s\nfound: %s\n' "$1" "$2"
        return 1
    }
}

skip() { # WHAT WHY
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1 # SKIP $2"
}

# eventually SECONDS COMMAND...: asked until it succeeds
eventually() {
    local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "${EPOCHREALTIME/[.,]/}" -lt $end ] || {
            "$@"
            return
        }
        sleep 0.1
    done
}

finish() {
    tap_finished=1
    exit
}

tap_end() {
    trap '' INT TERM HUP
    [ -n "$tap_finished" ] || {
        tap_count=$((tap_count + 1)) tap_failed=$((tap_failed + 1))
        echo "not ok $tap_count - the test ended before its end"
    }
    "$lab" down >/dev/null || tap_failed=1
    echo "1..$tap_count"
    if [ "$tap_failed" -eq 0 ]; then exit 0; else exit 1; fi
}
trap tap_end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
