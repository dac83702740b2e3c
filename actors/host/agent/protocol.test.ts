/** The guest agent's protocol: every message survives the way there and back, and garbage is refused. */
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeRequest,
  LineSplitter,
  parseJob,
  parseLine,
  parseOutput,
  parseStats,
  parseWarm,
} from './protocol.ts';

describe('lines', () => {
  it('come out the same whatever the chunks', () => {
    const text = fc.array(fc.stringMatching(/^[ -~]{0,40}$/), { maxLength: 20 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(60), { maxLength: 30 }), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const splitter = new LineSplitter();
        const seen: string[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          seen.push(...splitter.push(bytes.subarray(at, at + cut)));
          at += cut;
        }
        seen.push(...splitter.push(bytes.subarray(Math.min(at, bytes.length))));
        expect(seen).toEqual(lines);
      }),
    );
  });

  it('that are too long are dropped, those after them are not', () => {
    const splitter = new LineSplitter();
    for (let i = 0; i < 5; i++) expect(splitter.push(Buffer.alloc(100_000, 120))).toEqual([]);
    expect(splitter.push(Buffer.from('\n7 ok\n'))).toEqual(['7 ok']);
  });

  it('of noise never throw and never look like an answer without a number', () => {
    fc.assert(
      fc.property(fc.string(), (line) => {
        const message = parseLine(line);
        if (message !== undefined && message.kind !== 'event') expect(line).toMatch(/^\d+ (ok|error)/);
      }),
    );
  });
});

describe('requests', () => {
  it('are one line of five fields at most, whatever id and command hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (id, command) => {
        const line = encodeRequest(3, { verb: 'run', id, command });
        const [sequence, verb, sentId = '', sentCommand = ''] = line.trimEnd().split(' ');
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect([sequence, verb, decodeURIComponent(sentId)]).toEqual(['3', 'run', id]);
        expect(Buffer.from(sentCommand, 'base64').toString()).toBe(command);
      }),
    );
  });
});

describe('messages', () => {
  it('are read', () => {
    expect(parseLine('12 ok 4')).toEqual({ kind: 'answer', sequence: 12, fields: ['4'] });
    expect(parseLine(`9 error job-running ${btoa('no')}`)).toEqual({
      kind: 'error',
      sequence: 9,
      code: 'job-running',
      message: 'no',
    });
    expect(parseLine('event exited job%201 137 9')).toEqual({
      kind: 'event',
      event: { type: 'exited', id: 'job 1', exitCode: 137, signal: 9 },
    });
    expect(parseLine(`event note ${btoa('phase 0 low')}`)).toEqual({
      kind: 'event',
      event: { type: 'note', text: 'phase 0 low' },
    });
    expect(parseLine('event hotplug cpu 2')).toEqual({
      kind: 'event',
      event: { type: 'hotplug', what: 'cpu', onlineVcpus: 2 },
    });
  });

  it('that are cut off are not', () => {
    for (const line of [
      '',
      '12',
      '12 o',
      'event',
      'event exited a',
      'event hotplug disk 2',
      'event exited %E0 1 0',
    ]) {
      expect(parseLine(line)).toBeUndefined();
    }
    expect(parseStats(['1.5', '1', '2'])).toBeUndefined();
    expect(parseJob(['exited', 'a', '5'])).toBeUndefined();
    expect(parseOutput([])).toBeUndefined();
  });

  it('of warm capacity are in KiB both ways', () => {
    expect(encodeRequest(4, { verb: 'warm', vcpus: 2, memoryMiB: 100 })).toBe('4 warm 2 102400\n');
    expect(encodeRequest(5, { verb: 'give', vcpus: 0, memoryMiB: 2 })).toBe('5 give 0 2048\n');
    expect(parseWarm(['2', '2048'])).toEqual({ vcpus: 2, memoryMiB: 2 });
    expect(parseWarm(['2'])).toBeUndefined();
  });

  it('give memory in MiB', () => {
    expect(parseStats(['1.5', '2', '2048', '1024'])).toEqual({
      uptime: 1.5,
      onlineVcpus: 2,
      memoryTotalMiB: 2,
      memoryAvailableMiB: 1,
    });
  });
});
