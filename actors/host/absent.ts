/** The parts of a driver that a host does not have: every call is refused, saying what is lacking. */
import { CapabilityMissing } from './errors.ts';
import type { Checkpoints, Warmth } from './port/mod.ts';

const refusing = (capability: string, why: string) => async (): Promise<never> => {
  throw new CapabilityMissing(capability, why);
};

export function absentWarmth(why: string): Warmth {
  const refuse = refusing('warmth', why);
  return { warm: refuse, activate: refuse, cool: refuse, warmCapacity: refuse };
}

export function absentCheckpoints(why: string): Checkpoints {
  const refuse = refusing('checkpoints', why);
  return { take: refuse, list: refuse, verify: refuse, rollBack: refuse, remove: refuse };
}
