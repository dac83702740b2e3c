#!/bin/sh
# Holds the namespaces and the cgroups of one host of a lab; everything in them ends with it.
# usage: namespaces.sh NAME RUN_DIR     RUN_DIR/cgroups has a line `CONTROLLERS FOLDER` for each cgroup of the host
set -eu
name=$1 run=$2
if [ "${3-}" != inside ]; then
  while read -r _ group; do echo $$ > "$group/cgroup.procs"; done < "$run/cgroups"
  echo $$ > "$run/host.pid"
  exec unshare --mount --propagation private --net --pid --cgroup --uts --ipc --fork --kill-child --mount-proc \
    sh "$0" "$name" "$run" inside
fi
echo "$name" > /proc/sys/kernel/hostname
# A network namespace is seen through a sysfs of its own, and a cgroup namespace through mounts of its own.
# Those of before would stay visible to libvirt, which believes the list of mounts.
umount -R -l /sys || true
mount -t sysfs sysfs /sys
prepared=
while read -r controllers _; do
  if [ "$controllers" = unified ]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
  else
    [ -n "$prepared" ] || mount -t tmpfs -o mode=755 cgroups /sys/fs/cgroup
    prepared=yes
    mkdir "/sys/fs/cgroup/$controllers"
    mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$controllers"
  fi
done < "$run/cgroups"
ip link set lo up
ip link add br0 type bridge
ip link set br0 up
# PID 1 of the namespace has to reap every orphan in it; to ignore SIGCHLD is to do so at once.
exec perl -e '$SIG{CHLD} = "IGNORE"; $0 = "shadowgrid-lab-host"; open my $ready, ">", shift or die "ready: $!"; close $ready; sleep while 1' "$run/ready"
