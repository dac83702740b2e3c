/** The guest agent's client: protocol, connection, types. */
export type { GuestAgent, GuestEvent, GuestJob, GuestStats } from './port.ts';
