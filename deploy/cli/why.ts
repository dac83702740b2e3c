/** `shadowgrid job ID --why`: what a shadow changed lately, and why. */
import type { Settlement } from '../../actors/host/mod.ts';
import { askAdmin } from './admin.ts';
import { printJson, table } from './print.ts';

interface Explanation {
  readonly mode: string;
  readonly policy: { readonly kind: string; readonly confidence: number };
  readonly recent: readonly Settlement[];
}

export async function showWhy(state: string | undefined, id: string, json: boolean): Promise<void> {
  const answer = await askAdmin<Explanation>(state, `/api/jobs/${encodeURIComponent(id)}/shadow`);
  if (json) return printJson(answer);
  const { mode, policy, recent } = answer;
  process.stdout.write(`mode ${mode}, policy ${policy.kind} at confidence ${policy.confidence}\n`);
  const rows = recent.map(({ directive, outcome, granted, tookMs, error }) => {
    const { resource, from, to, reason, at } = directive;
    const { rule, use, demand, quantile, aheadMs } = reason;
    const forecast =
      quantile === undefined
        ? ''
        : `, q${Math.round(quantile * 100)} in ${((aheadMs ?? 0) / 1000).toFixed(2)} s`;
    return [
      new Date(at).toISOString().slice(11, 23),
      resource,
      `${from} -> ${outcome === 'partial' ? `${granted} of ${to}` : to}`,
      rule,
      `use ${use.toFixed(2)}, demand ${demand.toFixed(2)}${forecast}`,
      `${outcome} in ${tookMs} ms${error === undefined ? '' : `: ${error.message}`}`,
    ];
  });
  process.stdout.write(`${table(['AT', 'RESOURCE', 'CHANGE', 'RULE', 'BECAUSE', 'OUTCOME'], rows)}\n`);
}
