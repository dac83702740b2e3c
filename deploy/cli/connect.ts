/** Connects a command to the grid it is about: the one of a state directory, or any by its NATS, as one of its users. */
import { JobClient, VmClient } from '../../actors/gateway/mod.ts';
import {
  connectNats,
  createMux,
  DeadLetterClient,
  InspectionClient,
  type Transport,
} from '../../runtime/mod.ts';
import { findGrid, type GivenNats, gridPaths, NoGrid, natsOptionsOf } from '../local/mod.ts';

export interface GridConnection extends AsyncDisposable {
  readonly jobs: JobClient;
  readonly vms: VmClient;
  readonly inspection: InspectionClient;
  readonly deadLetters: DeadLetterClient;
  readonly transport: Transport;
}

/** Options that every command about a running grid takes. */
export const connectionArgs = {
  nats: {
    type: 'string',
    description: 'NATS URL of the grid; default: the grid of --state',
    valueHint: 'URL',
  },
  credentials: {
    type: 'string',
    description: "of a secured NATS: a user's file, or the folder that nats-config wrote",
    valueHint: 'PATH',
  },
  state: {
    type: 'string',
    description: 'state directory of the grid; default .shadowgrid',
    valueHint: 'DIR',
  },
} as const;

interface ConnectionArgs {
  readonly nats?: string;
  readonly credentials?: string;
  readonly state?: string;
}

/** From a folder of credentials, those of `role` are taken. */
export async function connectGrid(
  args: ConnectionArgs,
  role: 'client' | 'operator' = 'client',
): Promise<GridConnection> {
  const nats = await natsOptionsOf(await natsOf(args), role);
  const transport = await connectNats({ ...nats, name: 'shadowgrid-cli' });
  const mux = createMux(transport);
  return {
    jobs: new JobClient(mux),
    vms: new VmClient(mux),
    inspection: new InspectionClient(mux),
    deadLetters: new DeadLetterClient(mux),
    transport,
    [Symbol.asyncDispose]: async () => {
      await mux.close();
      await transport.close();
    },
  };
}

/** What is named, and the rest as the grid of the state directory has it. */
async function natsOf({ nats, credentials, state }: ConnectionArgs): Promise<GivenNats> {
  const named = credentials === undefined ? {} : { credentials };
  if (nats !== undefined) return { ...named, servers: nats };
  if (credentials !== undefined && state === undefined) return named;
  const { record } = gridPaths(state);
  const found = await findGrid(record);
  if (found.natsUrl === undefined) throw new NoGrid(record);
  return {
    servers: found.natsUrl,
    ...(found.credentials !== undefined && { credentials: found.credentials }),
    ...named,
  };
}
