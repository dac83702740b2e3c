/** The allocator's loop: frames into steps, one batched forecast a tick, decisions for all domains in its care. */
import type { BatchForecaster } from '../../models/mod.ts';
import {
  type Clock,
  decodeFrame,
  encodeFrame,
  type Frame,
  type Subscription,
  type Transport,
} from '../../runtime/mod.ts';
import type { Directive, Settlement } from '../host/mod.ts';
import { FORECAST_COLUMNS, forecastSubject, telemetrySubject } from './contract.ts';
import { peakWithin } from './forecast-target.ts';
import type { QuantileForecast } from './view.ts';
import { Ward, type WardSpec } from './ward.ts';

export interface LoopOptions {
  readonly transport: Transport;
  readonly forecaster: BatchForecaster;
  readonly clock: Clock;
  readonly nextId: () => string;
  readonly onDirectives: (directives: readonly Directive[]) => void;
  /** A tick failed (a model that throws); the loop goes on. */
  readonly onError: (error: unknown) => void;
}

/** How far ahead the published forecast's peak looks, ms. */
const SHOWN_AHEAD_MS = 1_000;

export class AllocatorLoop {
  readonly #options: LoopOptions;
  readonly #wards = new Map<string, Ward>();
  /** Domain name -> job id, for frames. */
  readonly #domains = new Map<string, string>();
  readonly #hosts = new Map<string, Subscription>();
  #timer: unknown;
  #due = 0;
  #ticking = false;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** Starts to care for a domain; a job that is tracked already keeps its history. */
  track(spec: WardSpec): void {
    if (this.#wards.has(spec.jobId)) return;
    this.#wards.set(spec.jobId, new Ward(spec));
    this.#domains.set(spec.domain, spec.jobId);
    this.#options.forecaster.track(`${spec.jobId}/cores`, spec.limit.cores);
    this.#options.forecaster.track(`${spec.jobId}/memory`, spec.limit.memoryMiB);
    if (!this.#hosts.has(spec.host)) {
      const { transport } = this.#options;
      this.#hosts.set(
        spec.host,
        transport.subscribe(telemetrySubject(spec.host), (message) => this.#onFrame(message.data)),
      );
    }
    if (this.#timer === undefined) {
      this.#due = this.#options.clock.now();
      this.#wait();
    }
  }

  untrack(jobId: string): void {
    const ward = this.#wards.get(jobId);
    if (ward === undefined) return;
    this.#wards.delete(jobId);
    this.#domains.delete(ward.spec.domain);
    this.#options.forecaster.untrack(`${jobId}/cores`);
    this.#options.forecaster.untrack(`${jobId}/memory`);
    const { host } = ward.spec;
    if ([...this.#wards.values()].some((other) => other.spec.host === host)) return;
    this.#hosts.get(host)?.unsubscribe();
    this.#hosts.delete(host);
    if (this.#wards.size === 0) this.stop();
  }

  settle(settlement: Settlement): void {
    this.#wards.get(settlement.directive.jobId)?.settle(settlement);
  }

  /** Stops the clock; tracked domains stay tracked. */
  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(): void {
    const { clock, forecaster } = this.#options;
    const { stepMs } = forecaster.shape;
    this.#due += stepMs;
    const behind = clock.now() - this.#due;
    if (behind > 0) this.#due += Math.ceil(behind / stepMs) * stepMs;
    this.#timer = clock.setTimeout(() => {
      this.#wait();
      void this.#tick();
    }, this.#due - clock.now());
  }

  #onFrame(bytes: Uint8Array): void {
    try {
      const frame = decodeFrame(bytes);
      for (const [index, domain] of frame.ids.entries()) {
        const jobId = this.#domains.get(domain);
        if (jobId !== undefined) this.#wards.get(jobId)?.aggregator.add(frame, index);
      }
    } catch (error) {
      this.#options.onError(error);
    }
  }

  async #tick(): Promise<void> {
    // A slow model skips ticks rather than queueing them up.
    if (this.#ticking) return;
    this.#ticking = true;
    try {
      const { forecaster, clock, nextId, onDirectives } = this.#options;
      const values = new Float32Array(forecaster.ids.length);
      const censored = new Uint8Array(forecaster.ids.length);
      const rows = new Map(forecaster.ids.map((id, row) => [id, row]));
      const wards = [...this.#wards.values()];
      for (const ward of wards) {
        const { cores, memoryMiB, coresCensored } = ward.tick();
        const coresRow = rows.get(`${ward.spec.jobId}/cores`)!;
        values[coresRow] = cores;
        censored[coresRow] = coresCensored ? 1 : 0;
        values[rows.get(`${ward.spec.jobId}/memory`)!] = memoryMiB;
      }
      const output = await forecaster.step(values, censored);
      const forecastOf = (id: string) => sliceOf(output, rows.get(id)!, forecaster);
      const directives: Directive[] = [];
      for (const ward of wards) {
        if (this.#wards.get(ward.spec.jobId) !== ward) continue;
        const cores = forecastOf(`${ward.spec.jobId}/cores`);
        const memory = forecastOf(`${ward.spec.jobId}/memory`);
        directives.push(...ward.decide(cores, memory, clock.now(), nextId));
      }
      if (directives.length > 0) onDirectives(directives);
      this.#publish(wards, forecastOf);
    } catch (error) {
      this.#options.onError(error);
    } finally {
      this.#ticking = false;
    }
  }

  #publish(wards: readonly Ward[], forecastOf: (id: string) => QuantileForecast): void {
    const { transport, clock, forecaster } = this.#options;
    // Nobody sees it during an outage, and that is no fault of the forecaster.
    if (transport.status !== 'connected') return;
    for (const host of this.#hosts.keys()) {
      const here = wards.filter((ward) => ward.spec.host === host);
      const values = new Float32Array(here.flatMap((ward) => shownRow(ward, forecastOf)));
      const frame: Frame = {
        source: host,
        t: clock.now(),
        intervalMs: forecaster.shape.stepMs,
        columns: FORECAST_COLUMNS,
        ids: here.map((ward) => ward.spec.jobId),
        values,
      };
      transport.publish(forecastSubject(host), encodeFrame(frame));
    }
  }
}

function sliceOf(output: Float32Array, row: number, { shape }: BatchForecaster): QuantileForecast {
  const width = shape.horizon * shape.quantiles.length;
  return { ...shape, values: output.subarray(row * width, (row + 1) * width) };
}

function shownRow(ward: Ward, forecastOf: (id: string) => QuantileForecast): number[] {
  const { jobId, policy } = ward.spec;
  const cores = forecastOf(`${jobId}/cores`);
  const memory = forecastOf(`${jobId}/memory`);
  const { allocation, step } = ward;
  return [
    step?.cores ?? Number.NaN,
    step?.memoryUsedMiB ?? Number.NaN,
    step?.throttled ?? Number.NaN,
    allocation.cores,
    allocation.vcpus,
    allocation.memoryMiB,
    peakWithin(cores, 0.5, SHOWN_AHEAD_MS).value,
    peakWithin(cores, policy.confidence, SHOWN_AHEAD_MS).value,
    peakWithin(memory, 0.5, SHOWN_AHEAD_MS).value,
    peakWithin(memory, policy.confidence, SHOWN_AHEAD_MS).value,
  ];
}
