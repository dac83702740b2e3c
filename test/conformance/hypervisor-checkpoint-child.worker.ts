/** Does one thing to the checkpoints of a domain in a process of its own, which a test then kills: it tells each phase. */
import { createLibvirtHypervisor } from '../../actors/host/libvirt/mod.ts';

const [uri = '', runDir = '', action, domain = '', id = ''] = process.argv.slice(2);
const hypervisor = await createLibvirtHypervisor({ uri, runDir });
const onProgress = ({ phase }: { readonly phase: string }) => process.stdout.write(`${phase}\n`);
if (action === 'take') await hypervisor.checkpoints.take(domain, { id, onProgress });
else await hypervisor.checkpoints.rollBack(domain, id, { onProgress });
process.stdout.write('done\n');
await hypervisor[Symbol.asyncDispose]();
