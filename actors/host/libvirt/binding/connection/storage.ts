/** The storage of a connection: pools, volumes, streams to and from them. */
import type { Pointer } from '../c-types.ts';
import { takeHandles } from '../handle.ts';
import { StoragePool } from '../storage-pool.ts';
import { StorageVolume } from '../storage-volume.ts';
import { Stream } from '../stream.ts';
import { ConnectionDomains } from './domains.ts';

export abstract class ConnectionStorage extends ConnectionDomains {
  /** `flags`: VIR_CONNECT_LIST_STORAGE_POOLS_*. Free each. */
  async listAllStoragePools(flags = 0): Promise<StoragePool[]> {
    const list: [Pointer | null] = [null];
    const count = await this.calls.status('virConnectListAllStoragePools', this.pointer, list, flags);
    return takeHandles(this.calls.native, list[0], count, (pointer) => this.#pool(pointer));
  }

  /** Fails with ErrorCode.noStoragePool. */
  async storagePoolLookupByName(name: string): Promise<StoragePool> {
    return this.#pool(await this.calls.pointer('virStoragePoolLookupByName', this.pointer, name));
  }

  /** Defines a persistent pool without starting it. */
  async storagePoolDefineXML(xml: string, flags = 0): Promise<StoragePool> {
    return this.#pool(await this.calls.pointer('virStoragePoolDefineXML', this.pointer, xml, flags));
  }

  /** Starts a transient pool. `flags`: VIR_STORAGE_POOL_CREATE_*. */
  async storagePoolCreateXML(xml: string, flags = 0): Promise<StoragePool> {
    return this.#pool(await this.calls.pointer('virStoragePoolCreateXML', this.pointer, xml, flags));
  }

  /** Fails with ErrorCode.noStorageVolume. */
  async storageVolumeLookupByPath(path: string): Promise<StorageVolume> {
    return new StorageVolume(
      this.session,
      await this.calls.pointer('virStorageVolLookupByPath', this.pointer, path),
    );
  }

  /** A stream for one transfer. */
  async newStream(): Promise<Stream> {
    return new Stream(this.session, await this.calls.pointer('virStreamNew', this.pointer, 0));
  }

  #pool(pointer: Pointer): StoragePool {
    return new StoragePool(this.session, pointer);
  }
}
