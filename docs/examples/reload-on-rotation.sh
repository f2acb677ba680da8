#!/bin/sh
# reload-on-rotation.sh VOLUME COMMAND [ARGUMENT …]
#
# Runs COMMAND whenever the files in VOLUME have been replaced, and again until it succeeds. Started in the background
# by the shell that then becomes the server (`… & exec server`), and ends with it.
volume=$1
shift

# Read before the server reads its files: what changes between the two costs one reload too many, never one too few.
loaded=$(readlink "$volume/..data")
while sleep "${RELOAD_INTERVAL:-5}" && kill -0 "$PPID" 2>/dev/null; do
  # Read before the reload: a rotation in the middle of it, which may give the server a key and a certificate that do
  # not match, is seen in the next round.
  present=$(readlink "$volume/..data")
  if [ "$present" != "$loaded" ] && "$@"; then
    loaded=$present
  fi
done
