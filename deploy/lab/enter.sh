#!/bin/sh
# Runs a command inside a host of a lab: in its cgroups and all of its namespaces.
# usage: enter.sh RUN_DIR COMMAND [ARGUMENTS]
set -eu
run=$1
shift
pid=$(cat "$run/host.pid")
while read -r _ group; do
  # Under cgroup v2 a group with groups below it holds no process itself.
  if [ -d "$group/init" ]; then group=$group/init; fi
  echo $$ > "$group/cgroup.procs"
done < "$run/cgroups"
exec nsenter --target "$pid" --mount --net --uts --ipc --cgroup "--pid=/proc/$pid/ns/pid_for_children" -- "$@"
