/** Reads the line with which a nats-server greets whoever connects: proof of life, version and port. */
import { connect } from 'node:net';

export interface NatsGreeting {
  readonly version: string;
  readonly serverName: string;
  readonly jetstream: boolean;
}

/** Undefined when nothing, or no nats-server, answers within `timeoutMs`. */
export function readGreeting(port: number, timeoutMs = 1000): Promise<NatsGreeting | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let text = '';
    const end = (greeting?: NatsGreeting) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(greeting);
    };
    const timer = setTimeout(end, timeoutMs);
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n')) end(parseGreeting(text));
    });
    socket.on('error', () => end());
    socket.on('close', () => end());
  });
}

function parseGreeting(text: string): NatsGreeting | undefined {
  const json = /^INFO (\{.*\})\s*\r?\n/.exec(text)?.[1];
  if (json === undefined) return undefined;
  try {
    const { version, server_name: serverName, jetstream } = JSON.parse(json);
    return { version: String(version), serverName: String(serverName), jetstream: jetstream === true };
  } catch {
    return undefined;
  }
}
