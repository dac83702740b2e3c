/** Warm capacity of libvirt's guests. */
export { LibvirtWarmth } from './warmth.ts';
