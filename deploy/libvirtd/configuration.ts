/** What our libvirtd reads: its own configuration and that of its QEMU driver. */

/** `hostUuid` tells two daemons of one machine apart. */
export function libvirtdConfiguration(options: {
  readonly hostUuid: string;
  readonly logFile: string;
}): string {
  return `# Written by shadowgrid at every start.
listen_tls = 0
listen_tcp = 0
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_rw_perms = "0700"
unix_sock_ro_perms = "0700"
unix_sock_admin_perms = "0700"
host_uuid = "${options.hostUuid}"
log_outputs = "2:file:${options.logFile}"
min_workers = 5
max_workers = 40
max_client_requests = 50
`;
}

/** QEMU as root, without the machinery (security labels, namespaces, log daemon) that wants a whole system around it. */
export function qemuConfiguration(): string {
  return `# Written by shadowgrid at every start.
user = "root"
group = "root"
security_driver = "none"
dynamic_ownership = 0
remember_owner = 0
stdio_handler = "file"
namespaces = []
`;
}

/** Debian's QEMU driver does not load where its user is unknown, though it never becomes it here. */
export function withLibvirtUser(
  passwd: string,
  group: string,
): { readonly passwd: string; readonly group: string } {
  const has = (text: string) => /^libvirt-qemu:/m.test(text);
  return {
    passwd: has(passwd) ? passwd : `${passwd}libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin\n`,
    group: has(group) ? group : `${group}libvirt-qemu:x:64055:\n`,
  };
}
