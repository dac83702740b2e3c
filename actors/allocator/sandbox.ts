/** What the allocator's worker may do: talk to NATS, read code and model, load the native part of ONNX Runtime. */
import type { WorkerPermissions } from '../../runtime/mod.ts';
import type { OpenOptions } from './contract.ts';

const ROOT = new URL('../../', import.meta.url);
const CODE = ['actors/', 'models/', 'runtime/', 'node_modules/', 'package.json'];

export function sandboxOf({ nats, modelPath }: OpenOptions): WorkerPermissions {
  const servers = typeof nats.servers === 'string' ? [nats.servers] : nats.servers;
  return {
    net: servers.map(hostAndPort),
    read: [...CODE.map((path) => new URL(path, ROOT)), ...(modelPath === undefined ? [] : [modelPath])],
    ffi: [new URL('node_modules/onnxruntime-node/', ROOT)],
  };
}

/** `nats://127.0.0.1` -> `127.0.0.1:4222` */
function hostAndPort(server: string): string {
  const { hostname, port } = new URL(server.includes('://') ? server : `nats://${server}`);
  return `${hostname}:${port || 4222}`;
}
