/** Writes the configuration of one nats-server: loopback only, JetStream on disk. */

export interface NatsConfiguration {
  /** -1 lets the server choose. */
  readonly port: number;
  readonly storeDir: string;
  readonly runDir: string;
  readonly serverName: string;
  /** Flush before a write is acknowledged; servers before 2.10 refuse the setting. */
  readonly syncAlways: boolean;
}

/** Paths below runDir that the server writes. */
export function natsPaths(runDir: string) {
  return {
    configuration: `${runDir}/nats-server.conf`,
    pidFile: `${runDir}/nats-server.pid`,
    logFile: `${runDir}/nats-server.log`,
    /** Port of the last run: a restarted server takes it again, so that clients find it. */
    portFile: `${runDir}/nats-server.port`,
    portsFile: (pid: number, binary: string) => `${runDir}/${binary}_${pid}.ports`,
  };
}

export function natsConfiguration(options: NatsConfiguration): string {
  const paths = natsPaths(options.runDir);
  const quote = JSON.stringify;
  return `# Written by shadowgrid at every start.
server_name: ${quote(options.serverName)}
host: "127.0.0.1"
port: ${options.port}
pid_file: ${quote(paths.pidFile)}
ports_file_dir: ${quote(options.runDir)}
log_file: ${quote(paths.logFile)}
log_size_limit: 16777216
max_payload: 1048576
jetstream {
  store_dir: ${quote(options.storeDir)}
${options.syncAlways ? '  sync_interval: always\n' : ''}}
`;
}
