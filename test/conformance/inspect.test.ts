/** Inspection on the in-memory drivers and on a real nats-server. */
import { memoryDrivers, natsDrivers } from './drivers.ts';
import { inspectionSuite } from './inspect-suite.ts';

inspectionSuite('memory', memoryDrivers());
inspectionSuite('nats', natsDrivers());
