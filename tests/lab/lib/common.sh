# shellcheck shell=bash disable=SC2154 # `here` comes from the environment
# common.sh - settings of one lab, messages, waiting.
#
# A lab is known by its name ($LAB). Everything of it is in one directory, $DIR,
# in cgroups named gantry-lab-$LAB and in namespaces that hang on one process.

die() {
    echo "lab: $*" >&2
    exit 1
}

# say TEXT: one step, with the time since the command began, when verbose
say() {
    [ -z "${LAB_VERBOSE:-}" ] || printf '  %6s s  %s\n' "$(elapsed)" "$*" >&2
}

elapsed() {
    local now=${EPOCHREALTIME/[.,]/}
    printf '%d.%02d' $(((now - began) / 1000000)) $(((now - began) % 1000000 / 10000))
}

# wait_for SECONDS COMMAND...: until the command succeeds, asked 20 times a second
wait_for() {
    local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
    shift
    while ! "$@" >/dev/null 2>&1; do
        [ "${EPOCHREALTIME/[.,]/}" -lt $end ] || return 1
        sleep 0.05
    done
}

# The state directory must be root's alone: what lies in it is run as root.
lab_base() {
    BASE=${LAB_BASE:-/var/tmp/gantry-lab}
    [ "$(id -u)" = 0 ] || die "needs root: start it with sudo"
    [ -d "$BASE" ] || mkdir -m 700 "$BASE" 2>/dev/null || true
    [ "$(stat -c %u:%F:%a "$BASE")" = 0:directory:700 ] ||
        die "$BASE is not a directory of root's alone; remove it, or set LAB_BASE to another"
}

lab_settings() {
    began=${EPOCHREALTIME/[.,]/}
    umask 022
    LAB=${LAB:-gantry}
    [[ $LAB =~ ^[a-z0-9][a-z0-9-]{0,19}$ ]] ||
        die "bad lab name '$LAB': up to 20 of a-z, 0-9 and -"
    lab_base
    DIR=$BASE/$LAB
    SRC=$(cd "$here/../.." && pwd)
    if [ -z "${BUILD:-}" ] && [ -e "$DIR/build" ]; then
        BUILD=$(cat "$DIR/build")
    fi
    BUILD=$(realpath -m "${BUILD:-$SRC/build}")
    CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/gantry-lab
    export LAB DIR SRC BUILD CACHE here
}

# lab_net LEG: the first three bytes of leg 0 (people, guests) or 1 (cluster)
lab_net() {
    echo "10.77.$(($(cat "$DIR/id") * 2 + $1))"
}

# node_number NODE: sets `node` to the number of node3 or 3, which must exist
node_number() {
    node=${1#node}
    [[ $node =~ ^[1-5]$ ]] || die "no such node: '$1' (node1 to node5)"
    [ -e "$DIR/up" ] || die "lab $LAB is not up: lab up"
    [ "$node" -le "$(cat "$DIR/nodes")" ] ||
        die "no such node: '$1' (lab $LAB has $(cat "$DIR/nodes"))"
}

# alive FILE: does the process whose host pid and pid namespace FILE holds still run?
# The namespace tells it from a later process with the same number.
alive() {
    local pid space
    [ -s "$1" ] && read -r pid space <"$1" &&
        [ "$(readlink "/proc/$pid/ns/pid" 2>/dev/null)" = "$space" ]
}

# record FILE: write the caller's own pid and pid namespace. With the host's /proc
# still mounted this is the host's number, whatever namespace the caller is in.
record() {
    local pid _
    read -r pid _ </proc/self/stat
    echo "$pid $(readlink "/proc/$pid/ns/pid")" >"$1.new"
    mv "$1.new" "$1"
}

pid_of() {
    local pid _
    read -r pid _ <"$1" 2>/dev/null || die "lab $LAB is not up: lab up"
    echo "$pid"
}
