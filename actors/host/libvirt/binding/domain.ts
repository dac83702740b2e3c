/** One libvirt domain: a handle to a virtual machine, and what can be done with it. */
import { DomainHistory } from './domain/history.ts';

/**
 * Methods are named as libvirt's functions without `virDomain`, `Get` and `Flags`: virDomainGetBlockInfo is
 * {@link blockInfo}. Each file in domain/ adds one subject. Every call rejects with LibvirtError, with BadArgument for
 * what C would misread, with LibvirtFunctionMissing where this machine's libvirt is too old.
 */
export class Domain extends DomainHistory {}
