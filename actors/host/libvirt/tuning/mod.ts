/** Fine control of libvirt's guests. */
export { fineGrainElements } from './fine-grain.ts';
export { removeShaping, sweepShaping } from './shaping.ts';
export { LibvirtTuning } from './tuning.ts';
