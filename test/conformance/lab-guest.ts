/** A small guest for labs, moved between their hosts by virsh, and how one is seen to live. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectAgent } from '../../actors/host/agent/mod.ts';
import type { GuestImage } from '../../actors/host/mod.ts';
import { runCommand } from '../../deploy/setup/process/mod.ts';

export interface Side {
  readonly uri: string;
  /** Folder for sockets and consoles of guests. */
  readonly runDir: string;
}

type Files = Pick<GuestImage, 'kernel' | 'initrd'>;

export class LabGuest {
  readonly name: string;
  readonly #image: Files;
  readonly #as: readonly string[];
  readonly #folder: string;

  /** `folder` takes its XML; `as` runs virsh as somebody else. */
  constructor(name: string, image: Files, folder: string, as: readonly string[] = []) {
    this.name = name;
    this.#image = image;
    this.#folder = folder;
    this.#as = as;
  }

  async start(side: Side): Promise<void> {
    await this.#virsh(side, 'create', await this.#write(this.#describe(side)));
  }

  /** Live and peer to peer: the source's libvirtd leads it. */
  async migrate(from: Side, to: Side, uri: string): Promise<void> {
    const running = await this.#virsh(from, 'dumpxml', '--migratable', this.name);
    // Each host has sockets of its own: that of the source is removed when it ends.
    const xml = await this.#write(running.replaceAll(this.#socket(from), this.#socket(to)));
    const options = ['--live', '--p2p', '--migrateuri', uri, '--xml', xml];
    await this.#virsh(from, 'migrate', ...options, this.name, to.uri);
  }

  /** Whether the guest's agent answers by the deadline. */
  async answers(side: Side): Promise<boolean> {
    const signal = AbortSignal.timeout(60_000);
    const agent = await connectAgent(this.#socket(side), { domain: this.name, signal });
    agent.close();
    return true;
  }

  async names(side: Side): Promise<string[]> {
    return (await this.#virsh(side, 'list', '--name')).split('\n').filter((line) => line !== '');
  }

  async #virsh(side: Side, ...args: string[]): Promise<string> {
    const [command = '', ...rest] = [...this.#as, 'virsh', '-q', '-c', side.uri, ...args];
    const env = { LIBVIRT_AUTOSTART: '0' };
    return (await runCommand(command, rest, { timeoutMs: 60_000, env })).stdout;
  }

  #describe(side: Side): string {
    const { kernel, initrd } = this.#image;
    return `<domain type='qemu'><name>${this.name}</name><memory unit='MiB'>96</memory><vcpu>1</vcpu>
      <os><type arch='x86_64' machine='pc'>hvm</type><kernel>${kernel}</kernel><initrd>${initrd}</initrd>
      <cmdline>console=ttyS0 quiet panic=-1 swiotlb=noforce tsc=unstable</cmdline></os>
      <features><acpi/></features>
      <cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model></cpu>
      <devices><controller type='usb' model='none'/><controller type='virtio-serial' index='0'/>
      <channel type='unix'><source mode='bind' path='${this.#socket(side)}'/>
      <target type='virtio' name='org.shadowgrid.agent'/></channel></devices></domain>`;
  }

  async #write(xml: string): Promise<string> {
    const path = join(this.#folder, `${this.name}.xml`);
    await writeFile(path, xml);
    return path;
  }

  #socket({ runDir }: Side): string {
    return join(runDir, `${this.name}.sock`);
  }
}
