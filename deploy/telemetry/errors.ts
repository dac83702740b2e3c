/** Errors of the telemetry's settings. */
import { GridError } from '../../runtime/mod.ts';

/** An environment variable of OpenTelemetry has a value that cannot be followed. */
export class InvalidTelemetrySetting extends GridError {
  constructor(variable: string, value: string, hint: string) {
    super('invalid-telemetry-setting', `${variable} is not right: ${JSON.stringify(value)}`, {
      field: variable,
      hint,
    });
  }
}
