#!/bin/sh
# Runs libvirtd with folders of our own in place of the system's; started inside a new mount namespace.
# usage: launch.sh STATE_DIR RUN_DIR
set -eu
state=$1 run=$2
for folder in /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /run/libvirt; do mkdir -p "$folder"; done
mount --bind "$state/etc" /etc/libvirt
mount --bind "$state/lib" /var/lib/libvirt
mount --bind "$state/cache" /var/cache/libvirt
mount --bind "$state/log" /var/log/libvirt
mount --bind "$run/libvirt" /run/libvirt
mount --bind "$state/passwd" /etc/passwd
mount --bind "$state/group" /etc/group
exec perl "$(dirname "$0")/reaper.pl" -f "$state/etc/libvirtd.conf" --pid-file "$run/libvirtd.pid"
