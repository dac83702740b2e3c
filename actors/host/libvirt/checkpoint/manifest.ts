/** What is kept of a checkpoint beside its memory image: all that finding, checking and restoring it needs. */
import { z } from 'zod';

const allocation = z.object({ cores: z.number(), vcpus: z.number(), memoryMiB: z.number() });

export const manifestSchema = z.object({
  version: z.literal(1),
  id: z.string(),
  domain: z.string(),
  jobId: z.string(),
  /** Of the domain: libvirt restores no other one from the image. */
  uuid: z.string(),
  at: z.number(),
  allocation,
  limit: allocation,
  pausedMs: z.number(),
  verifiedAt: z.number(),
  memory: z.object({
    bytes: z.number(),
    digest: z.string(),
    /** Changes when somebody writes the file: its content need not be read while this is the same. */
    changed: z.string(),
  }),
  /** The frozen layer of each disk. */
  disks: z.array(z.object({ target: z.string(), path: z.string() })),
});

export type Manifest = z.infer<typeof manifestSchema>;
