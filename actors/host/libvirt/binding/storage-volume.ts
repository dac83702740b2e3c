/** A storage volume: a disk image, an LVM volume. */
import type { Pointer } from './c-types.ts';
import { VIR_ERR_INVALID_STORAGE_VOL } from './generated/constants.ts';
import { Handle, pointerOf, type Session } from './handle.ts';
import type { Stream } from './stream.ts';
import { Structure } from './structure.ts';

/** virStorageVolInfo, in bytes. */
export interface StorageVolumeInfo {
  /** virStorageVolType: 0 file, 1 block, 2 directory. */
  readonly type: number;
  readonly capacity: number;
  readonly allocation: number;
}

export interface TransferRange {
  readonly offset?: number;
  /** Bytes; 0, the default, for all. */
  readonly length?: number;
  /** VIR_STORAGE_VOL_UPLOAD_*, VIR_STORAGE_VOL_DOWNLOAD_*. */
  readonly flags?: number;
}

/** sizeof(virStorageVolInfo). */
const INFO_SIZE = 24;

export class StorageVolume extends Handle {
  readonly name: string;
  /** Unique on its host. */
  readonly key: string;

  /** Made by StoragePool and Connection only: takes over one reference to `pointer`. */
  constructor(session: Session, pointer: Pointer) {
    super(session, pointer, {
      noun: 'storage volume',
      free: 'virStorageVolFree',
      invalid: VIR_ERR_INVALID_STORAGE_VOL,
    });
    const { native } = session.calls;
    this.name = native.virStorageVolGetName(pointer) ?? '';
    this.key = native.virStorageVolGetKey(pointer) ?? '';
  }

  async info(flags = 0): Promise<StorageVolumeInfo> {
    const info = new Structure(INFO_SIZE);
    await this.calls.status('virStorageVolGetInfoFlags', this.live(), info.bytes, flags);
    return { type: info.int(0), capacity: info.ulong(8), allocation: info.ulong(16) };
  }

  async xml(): Promise<string> {
    return this.calls.text('virStorageVolGetXMLDesc', this.live(), 0);
  }

  async path(): Promise<string> {
    return this.calls.text('virStorageVolGetPath', this.live());
  }

  /** Bytes. `flags`: VIR_STORAGE_VOL_RESIZE_*. */
  async resize(capacity: number, flags = 0): Promise<void> {
    await this.calls.status('virStorageVolResize', this.live(), capacity, flags);
  }

  /** Overwrites the contents. */
  async wipe(): Promise<void> {
    await this.calls.status('virStorageVolWipe', this.live(), 0);
  }

  /** `flags`: VIR_STORAGE_VOL_DELETE_*. */
  async delete(flags = 0): Promise<void> {
    await this.calls.status('virStorageVolDelete', this.live(), flags);
  }

  /** What is sent to `stream` from now on becomes the contents. */
  async upload(stream: Stream, { offset = 0, length = 0, flags = 0 }: TransferRange = {}): Promise<void> {
    await this.calls.status('virStorageVolUpload', this.live(), pointerOf(stream), offset, length, flags);
  }

  /** What is received from `stream` from now on are the contents. */
  async download(stream: Stream, { offset = 0, length = 0, flags = 0 }: TransferRange = {}): Promise<void> {
    await this.calls.status('virStorageVolDownload', this.live(), pointerOf(stream), offset, length, flags);
  }
}
