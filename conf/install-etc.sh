#!/bin/sh
# install-etc.sh SOURCE DESTINATION - run by `meson install`: puts a configuration file
# below /etc. One that is there already is the administrator's and stays as it is.
set -eu
target=${DESTDIR:-}$2
if [ -e "$target" ]; then
    cmp -s "$1" "$target" || echo "$target was changed here and is kept; the new one is $1"
    exit
fi
install -D -m 644 "$1" "$target"
