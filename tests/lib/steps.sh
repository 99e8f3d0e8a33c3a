# shellcheck shell=bash disable=SC2154 # `log` is the caller's
# steps.sh - run the steps of a script one by one, each with the time it took.
# The caller sets `log`, the file that takes the output of steps.

seconds() { # SINCE, in microseconds
    local now=${EPOCHREALTIME/[.,]/}
    printf '%d.%d' $(((now - $1) / 1000000)) $(((now - $1) % 1000000 / 100000))
}

# step TITLE COMMAND...: quiet when it works; else the end of its output, and fails.
# Runs in this shell, so that a step can set variables; errexit does not hold in it.
step() {
    local title=$1 start=${EPOCHREALTIME/[.,]/} status=0
    shift
    printf '%-52s ' "$title"
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ $status -eq 0 ]; then
        printf '%7s s\n' "$(seconds "$start")"
    else
        printf '%7s s  failed\n' "$(seconds "$start")"
        tail -n 40 "$log" | sed 's/^/    /'
    fi
    return $status
}
