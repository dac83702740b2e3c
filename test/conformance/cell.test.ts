/** Actors on the in-memory drivers and on a real nats-server, through outages of it. */
import { cellSuite } from './cell-suite.ts';
import { memoryDrivers, natsDrivers } from './drivers.ts';

cellSuite('memory', memoryDrivers());
cellSuite('nats', natsDrivers());
