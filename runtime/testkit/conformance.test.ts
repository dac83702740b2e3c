/** With faults off, the simulated drivers do what every driver of their ports must; a pump lets virtual time go on. */
import { setImmediate } from 'node:timers/promises';
import { commandLogSuite } from '../../test/conformance/commands-suite.ts';
import { storeSuite } from '../../test/conformance/store-suite.ts';
import { transportSuite } from '../../test/conformance/transport-suite.ts';
import { Simulation } from './mod.ts';

/** Runs a simulation beside what waits for it in real time; the returned function ends that. */
function pump(simulation: Simulation): () => Promise<void> {
  let running = true;
  const ended = (async () => {
    while (running) {
      await simulation.runUntil(simulation.elapsed + 2);
      await setImmediate();
    }
  })();
  return () => {
    running = false;
    return ended;
  };
}

let simulation: Simulation;
let stop: () => Promise<void>;
let nodes = 0;
const begin = async (commandPartitions = 1) => {
  simulation = new Simulation({ seed: 1, commandPartitions });
  stop = pump(simulation);
};

transportSuite('simulated', {
  start: () => begin(),
  connect: async () => simulation.addNode(`n${nodes++}`).transport,
  cut: async () => simulation.stopBroker(),
  mend: async () => simulation.startBroker(),
  stop: () => stop(),
});

storeSuite('simulated', {
  start: () => begin(),
  open: async () => {
    await stop();
    await begin();
    return simulation.addNode(`n${nodes++}`).store;
  },
  stop: () => stop(),
});

let now = Date.now;
commandLogSuite('simulated', {
  start: () => begin(),
  open: async (partitions) => {
    await stop();
    await begin(partitions);
    const { commands, clock } = simulation.addNode(`n${nodes++}`);
    now = clock.now;
    return commands;
  },
  now: () => now(),
  stop: () => stop(),
});
