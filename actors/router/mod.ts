/** The router: which queued job goes to which host. */
export { ROUTER_KEY, type RouterNeighbours, routerActor, routerBehaviour } from './actor.ts';
