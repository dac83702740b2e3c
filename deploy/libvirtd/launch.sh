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
# QEMU detaches from libvirtd, and libvirt waits 40 s for each dead one that nobody reaps. PID 1 of a container
# often does not, so this process takes its place (PR_SET_CHILD_SUBREAPER = 36) and leaves after the last guest.
exec perl -e '
  use POSIX ();
  my $prctl = {x86_64 => 157, aarch64 => 167}->{(POSIX::uname())[4]};
  syscall($prctl, 36, 1, 0, 0, 0) if $prctl;
  $0 = "shadowgrid-reaper";
  my $daemon = fork() // die "fork: $!";
  if ($daemon == 0) { exec "libvirtd", @ARGV; die "libvirtd: $!"; }
  1 while wait() > 0;
' -- -f "$state/etc/libvirtd.conf" --pid-file "$run/libvirtd.pid"
