/** The admin: HTTP API on loopback, metrics. */
export { AdminBehaviour, adminActor } from './actor.ts';
export { type AdminOptions, createAdminApp } from './app.ts';
export { GridMetrics } from './metrics.ts';
