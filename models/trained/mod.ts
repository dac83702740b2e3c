/** The models that are shipped, and the recordings they were trained on. */
import { fileURLToPath } from 'node:url';

/** The tactical forecaster: 4 s ahead in 250 ms steps. Its card: tactical.md. */
export const TACTICAL_MODEL = fileURLToPath(new URL('tactical.onnx', import.meta.url));

/** Demand recorded from the project's own guests; the file may be absent. */
export const RECORDINGS = fileURLToPath(new URL('recordings.f32.gz', import.meta.url));
