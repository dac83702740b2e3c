/** A storage pool: a directory or volume group, in which libvirt makes volumes. */
import type { Pointer } from './c-types.ts';
import { VIR_ERR_INVALID_STORAGE_POOL } from './generated/constants.ts';
import { Handle, pointerOf, type Session, takeHandles } from './handle.ts';
import { StorageVolume } from './storage-volume.ts';
import { Structure } from './structure.ts';

/** virStoragePoolInfo, in bytes. */
export interface StoragePoolInfo {
  /** virStoragePoolState: 0 inactive, 1 building, 2 running, 3 degraded, 4 inaccessible. */
  readonly state: number;
  readonly capacity: number;
  readonly allocation: number;
  readonly available: number;
}

/** sizeof(virStoragePoolInfo), and the length of a UUID as text with its NUL. */
const INFO_SIZE = 32;
const UUID_SIZE = 37;

export class StoragePool extends Handle {
  readonly name: string;
  readonly uuid: string;

  /** Made by Connection only: takes over one reference to `pointer`. */
  constructor(session: Session, pointer: Pointer) {
    super(session, pointer, {
      noun: 'storage pool',
      free: 'virStoragePoolFree',
      invalid: VIR_ERR_INVALID_STORAGE_POOL,
    });
    const { native } = session.calls;
    this.name = native.virStoragePoolGetName(pointer) ?? '';
    const uuid = new Structure(UUID_SIZE);
    native.virStoragePoolGetUUIDString(pointer, uuid.bytes);
    this.uuid = uuid.field(0, UUID_SIZE);
  }

  async info(): Promise<StoragePoolInfo> {
    const info = new Structure(INFO_SIZE);
    await this.calls.status('virStoragePoolGetInfo', this.live(), info.bytes);
    return {
      state: info.int(0),
      capacity: info.ulong(8),
      allocation: info.ulong(16),
      available: info.ulong(24),
    };
  }

  async xml(flags = 0): Promise<string> {
    return this.calls.text('virStoragePoolGetXMLDesc', this.live(), flags);
  }

  async isActive(): Promise<boolean> {
    return (await this.calls.status('virStoragePoolIsActive', this.live())) === 1;
  }

  /** Starts a defined pool. `flags`: VIR_STORAGE_POOL_CREATE_*. */
  async create(flags = 0): Promise<void> {
    await this.calls.status('virStoragePoolCreate', this.live(), flags);
  }

  /** Makes what the pool stands on (its directory). */
  async build(flags = 0): Promise<void> {
    await this.calls.status('virStoragePoolBuild', this.live(), flags);
  }

  /** Stops the pool; its contents stay. */
  async destroy(): Promise<void> {
    await this.calls.status('virStoragePoolDestroy', this.live());
  }

  /** Removes what a stopped pool stands on. */
  async delete(flags = 0): Promise<void> {
    await this.calls.status('virStoragePoolDelete', this.live(), flags);
  }

  async undefine(): Promise<void> {
    await this.calls.status('virStoragePoolUndefine', this.live());
  }

  /** Looks again for volumes. */
  async refresh(): Promise<void> {
    await this.calls.status('virStoragePoolRefresh', this.live(), 0);
  }

  async setAutostart(on: boolean): Promise<void> {
    await this.calls.status('virStoragePoolSetAutostart', this.live(), on ? 1 : 0);
  }

  async listAllVolumes(): Promise<StorageVolume[]> {
    const list: [Pointer | null] = [null];
    const count = await this.calls.status('virStoragePoolListAllVolumes', this.live(), list, 0);
    return takeHandles(this.calls.native, list[0], count, (pointer) => this.#volume(pointer));
  }

  /** Fails with ErrorCode.noStorageVolume. */
  async volumeLookupByName(name: string): Promise<StorageVolume> {
    return this.#volume(await this.calls.pointer('virStorageVolLookupByName', this.live(), name));
  }

  /** `flags`: VIR_STORAGE_VOL_CREATE_*. */
  async volumeCreateXML(xml: string, flags = 0): Promise<StorageVolume> {
    return this.#volume(await this.calls.pointer('virStorageVolCreateXML', this.live(), xml, flags));
  }

  /** A new volume with the contents of `source`. */
  async volumeCreateXMLFrom(xml: string, source: StorageVolume, flags = 0): Promise<StorageVolume> {
    return this.#volume(
      await this.calls.pointer('virStorageVolCreateXMLFrom', this.live(), xml, pointerOf(source), flags),
    );
  }

  #volume(pointer: Pointer): StorageVolume {
    return new StorageVolume(this.session, pointer);
  }
}
