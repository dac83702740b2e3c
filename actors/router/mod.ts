/** The router: which queued job goes to which host. */
export { ROUTER_KEY, type RouterNeighbours, routerActor, routerBehaviour } from './actor.ts';
export type { QueuedJob } from './queue.ts';
