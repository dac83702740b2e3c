# Runs libvirtd and takes in what its guests leave behind; ends after libvirtd and the last guest.
# QEMU detaches from libvirtd, and libvirt waits 40 s for each dead one that nobody reaps. PID 1 of a container
# often does not, so this process takes its place (PR_SET_CHILD_SUBREAPER = 36).
# usage: perl reaper.pl LIBVIRTD_ARGUMENTS
use POSIX ();
my $prctl = {x86_64 => 157, aarch64 => 167}->{(POSIX::uname())[4]};
syscall($prctl, 36, 1, 0, 0, 0) if $prctl;
$0 = "shadowgrid-reaper";
my $daemon = fork() // die "fork: $!";
if ($daemon == 0) { exec "libvirtd", @ARGV; die "libvirtd: $!"; }
1 while wait() > 0;
