/** Labs: several libvirt hosts on one machine, for trials and tests, that go without a trace. */
export { LabUnavailable } from './errors.ts';
export { type Lab, type LabHost, openLab, startLab } from './lab.ts';
export { type LabMode, labFolders } from './place.ts';
export { probeRootLab, probeSessionLab } from './probe.ts';
export { removeLab } from './remove.ts';
export { type LabHostStatus, labStatus } from './status.ts';
