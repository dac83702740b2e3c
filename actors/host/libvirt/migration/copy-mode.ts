/** Whether QEMU here can copy the memory of a guest that runs: one with broken dirty tracking would lose what it writes. */
import type { CopyMode } from './request.ts';

/**
 * Under emulation, QEMU before 9.0 forgets to tell its vCPUs that a page counts as clean again: what they write to it
 * then through an address translation they still hold is not sent, and the guest arrives with old memory in places
 * (upstream: "physmem: Fix migration dirty bitmap coherency with TCG memory access", March 2024). KVM is not affected.
 */
const FIRST_SOUND_TCG = 9;

/** `version` of QEMU: `7.2.0`. */
export function copyMode(acceleration: 'kvm' | 'tcg', version: string): CopyMode {
  return acceleration === 'kvm' || Number.parseInt(version, 10) >= FIRST_SOUND_TCG ? 'live' : 'stopped';
}
