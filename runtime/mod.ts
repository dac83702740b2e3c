/** The distributed actor runtime: messages, transport, cells. Knows nothing of VMs. */
export { GridError, type GridErrorOptions, RemoteError, toWireError, type WireError } from './errors.ts';
