/** The guest agent's client: protocol, connection, types. */
export { AgentClient } from './client.ts';
export { connectAgent } from './connect.ts';
export type { GuestAgent, GuestEvent, GuestJob, GuestStats, GuestWarmth } from './port.ts';
