/** The disks of domains: qcow2 files in the driver's folder, in layers that checkpoints freeze. */
export { DiskFiles, type DiskLayer } from './disk-files.ts';
export { type AttachedDisk, attachedDisks, diskElements, withDiskSources } from './disk-xml.ts';
export { checkImage, commitImage } from './image-tool.ts';
