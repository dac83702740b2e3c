/** nats-server: which one this machine can have, and one that runs for a grid. */
export { ensureNatsServer, findNatsServer, type NatsServerBinary } from './binary.ts';
export { lackingFeatures } from './features.ts';
export { type NatsServer, startNatsServer } from './server.ts';
