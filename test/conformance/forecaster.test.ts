/** Every forecaster keeps the promises of the BatchForecaster port. */
import {
  loadLstmForecaster,
  movingMaximum,
  persistence,
  recurrenceOnly,
  seasonalNaive,
  TACTICAL_MODEL,
  TACTICAL_SHAPE,
} from '../../models/mod.ts';
import { describeForecaster } from './forecaster.ts';

for (const make of [persistence, seasonalNaive, movingMaximum, recurrenceOnly]) {
  describeForecaster(make.name, async () => make(TACTICAL_SHAPE));
}
describeForecaster('lstm', () => loadLstmForecaster(TACTICAL_MODEL));
