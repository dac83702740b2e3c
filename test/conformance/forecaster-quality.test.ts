/** The shipped model must be worth shipping: better than the baselines on what it was not trained on. */
import { describe, expect, it } from 'vitest';
import {
  type Candidate,
  evaluationSeries,
  FAMILIES,
  loadLstmForecaster,
  persistence,
  provisioningWorkloads,
  scoreForecaster,
  scoreForecastRule,
  scoreReactiveRule,
  seasonalNaive,
  TACTICAL_MODEL,
  TACTICAL_SHAPE,
} from '../../models/mod.ts';

const LSTM: Candidate = { name: 'lstm', open: () => loadLstmForecaster(TACTICAL_MODEL) };
const HELD_OUT = FAMILIES.filter(({ trained }) => !trained).map(({ name }) => name);

describe('the shipped model', () => {
  it('beats persistence and seasonal naive on families it was not trained on, with an honest interval', async () => {
    const series = evaluationSeries(4, 500).filter(({ group }) => HELD_OUT.some((name) => name === group));
    const mean = async (candidate: Candidate) => {
      const scores = [...(await scoreForecaster(candidate, series)).values()];
      const sum = (of: (score: (typeof scores)[number]) => number) =>
        scores.reduce((total, s) => total + of(s), 0);
      return {
        pinball: sum((s) => s.pinball) / scores.length,
        coverage: sum((s) => s.coverage80) / scores.length,
      };
    };
    const baseline = (make: typeof persistence): Candidate => ({
      name: make.name,
      open: async () => make(TACTICAL_SHAPE),
    });
    const lstm = await mean(LSTM);
    expect(lstm.pinball).toBeLessThan(0.5 * (await mean(baseline(persistence))).pinball);
    expect(lstm.pinball).toBeLessThan(0.85 * (await mean(baseline(seasonalNaive))).pinball);
    expect(lstm.coverage).toBeGreaterThan(0.7);
    expect(lstm.coverage).toBeLessThan(0.9);
  });

  it.each(['square', 'multi-phase', 'bursts'])(
    '%s at +-10 % jitter: nine of ten rises covered, a quarter of the shortfall, no more slack than reacting',
    async (family) => {
      const workloads = provisioningWorkloads(10, 800).filter((workload) => workload.family === family);
      const ahead = await scoreForecastRule(LSTM, 0.95, workloads);
      const reactive = await scoreReactiveRule(workloads);
      expect(ahead.rises).toBeGreaterThan(50);
      expect(ahead.risesCovered).toBeGreaterThanOrEqual(0.9);
      expect(ahead.shortfall).toBeLessThan(reactive.shortfall / 4);
      expect(ahead.slack).toBeLessThan(reactive.slack);
    },
  );
});
