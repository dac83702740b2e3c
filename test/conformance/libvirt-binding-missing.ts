/** Whether libvirt.so.0 is there to test the binding against. */
import { LibvirtMissing, loadLibvirt } from '../../actors/host/libvirt/binding/mod.ts';

/** Why it is not; undefined if it is. */
export function bindingMissing(): string | undefined {
  try {
    loadLibvirt();
    return undefined;
  } catch (error) {
    if (error instanceof LibvirtMissing) return error.message;
    throw error;
  }
}
