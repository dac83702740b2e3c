/** The trace field of an envelope is read and written as W3C says. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatTrace, parseTrace } from './trace-context.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';

describe('the trace field of an envelope', () => {
  test('is read and written as W3C says', () => {
    const context = parseTrace(`00-${TRACE_ID}-${SPAN_ID}-01`);
    expect(context).toEqual({ traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1, isRemote: true });
    expect(formatTrace(context!)).toBe(`00-${TRACE_ID}-${SPAN_ID}-01`);
  });

  test('of a later version is read as far as version 00 goes', () => {
    expect(parseTrace(`cc-${TRACE_ID}-${SPAN_ID}-01-more`)?.spanId).toBe(SPAN_ID);
  });

  test.each([
    ['nothing', ''],
    ['the version that never will be', `ff-${TRACE_ID}-${SPAN_ID}-01`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN_ID}-01`],
    ['a span id of zeros', `00-${TRACE_ID}-${'0'.repeat(16)}-01`],
    ['capitals', `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`],
    ['something short', `00-${TRACE_ID}-${SPAN_ID}`],
  ])('%s is no trace', (_, text) => expect(parseTrace(text)).toBeUndefined());

  test('may be anything at all', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseTrace(text)));
  });
});
