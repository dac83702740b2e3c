/** Connects a command to the grid it is about: the one of a state directory, or any by its NATS URL. */
import { JobClient } from '../../actors/gateway/mod.ts';
import { connectNats, createMux, InspectionClient, type Transport } from '../../runtime/mod.ts';
import { findGrid, gridPaths, NoGrid } from '../local/mod.ts';

export interface GridConnection extends AsyncDisposable {
  readonly jobs: JobClient;
  readonly inspection: InspectionClient;
  readonly transport: Transport;
}

/** Options that every command about a running grid takes. */
export const connectionArgs = {
  nats: {
    type: 'string',
    description: 'NATS URL of the grid; default: the grid of --state',
    valueHint: 'URL',
  },
  state: {
    type: 'string',
    description: 'state directory of the grid; default .shadowgrid',
    valueHint: 'DIR',
  },
} as const;

export async function connectGrid(args: {
  readonly nats?: string;
  readonly state?: string;
}): Promise<GridConnection> {
  const servers = args.nats ?? (await natsUrlOf(args.state));
  const transport = await connectNats({ servers, name: 'shadowgrid-cli' });
  const mux = createMux(transport);
  return {
    jobs: new JobClient(mux),
    inspection: new InspectionClient(mux),
    transport,
    [Symbol.asyncDispose]: async () => {
      await mux.close();
      await transport.close();
    },
  };
}

async function natsUrlOf(state: string | undefined): Promise<string> {
  const { record } = gridPaths(state);
  const { natsUrl } = await findGrid(record);
  if (natsUrl === undefined) throw new NoGrid(record);
  return natsUrl;
}
