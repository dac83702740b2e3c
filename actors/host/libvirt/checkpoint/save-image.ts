/** What a file that libvirt saved a domain to must look like to be whole: libvirt's header, then QEMU's stream to its end. */
import { open, stat } from 'node:fs/promises';

/** libvirt writes `LibvirtQemudPart` first, and this one when all is written: qemu_saveimage.h. */
const COMPLETE = 'LibvirtQemudSave';
const PARTIAL = 'LibvirtQemudPart';
/** struct _virQEMUSaveHeader: magic, version, length of the data that follows, ... */
const HEADER_BYTES = 92;
/** QEMU's stream: its magic and version, big-endian. */
const STREAM = Buffer.from('QEVM\0\0\0\u0003', 'latin1');
/** The stream ends with a JSON description of what is in it: QEMU_VM_VMDESCRIPTION, length, text. */
const DESCRIPTION = 0x06;
const BRACE = '{'.charCodeAt(0);
const TAIL_BYTES = 1024 * 1024;

/** What is wrong with the file; undefined if nothing is. */
export async function examineSaveImage(path: string): Promise<string | undefined> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return 'its memory image is gone';
  try {
    const head = Buffer.alloc(HEADER_BYTES);
    await file.read(head, 0, HEADER_BYTES, 0);
    const magic = head.toString('latin1', 0, 16);
    if (magic === PARTIAL) return 'its memory image was not written to the end';
    if (magic !== COMPLETE) return 'its memory image does not begin as one';
    const streamAt = HEADER_BYTES + head.readUInt32LE(20);
    const stream = Buffer.alloc(STREAM.length);
    await file.read(stream, 0, stream.length, streamAt);
    if (!stream.equals(STREAM)) return 'its memory image holds no state of QEMU';
    const { size } = await file.stat();
    const length = Math.min(TAIL_BYTES, size - streamAt);
    const tail = Buffer.alloc(length);
    await file.read(tail, 0, length, size - length);
    return endsWithDescription(tail) ? undefined : "the end of QEMU's state is missing";
  } finally {
    await file.close();
  }
}

/** Changes whenever the file is written or exchanged. */
export async function stateOfFile(path: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}

function endsWithDescription(tail: Buffer): boolean {
  for (
    let at = tail.lastIndexOf(DESCRIPTION);
    at >= 0;
    at = at > 0 ? tail.lastIndexOf(DESCRIPTION, at - 1) : -1
  ) {
    const textAt = at + 5;
    if (textAt >= tail.length || tail[textAt] !== BRACE) continue;
    if (tail.readUInt32BE(at + 1) === tail.length - textAt) return true;
  }
  return false;
}
