import { describe, expect, it } from 'vitest';
import {
  ALG,
  concat,
  digest,
  encodeEventLog,
  hashOf,
  type LogEvent,
  type PcrBank,
  parseEventLog,
  replayEventLog,
  toHex,
  verifyEventLog,
} from './index.ts';
import { efiVariable, event, logOf, SECURE_BOOT_GUID, sampleLog } from './testing/eventLogs.ts';
import { refusal } from './testing/refusal.ts';

const bank = (log: Uint8Array, pcrs = [0, 1, 2, 3, 4, 5, 6, 7], hash: number = ALG.SHA256): PcrBank => {
  const replayed = replayEventLog(parseEventLog(log), hash);
  return { hash, values: pcrs.map((pcr) => ({ pcr, digest: replayed.get(pcr) ?? new Uint8Array(hashOf(hash).size) })) };
};
const secureBoot = (...events: LogEvent[]) => {
  const log = logOf(events);
  return verifyEventLog(log, [bank(log)]).secureBoot;
};
const enabled = event(7, 0x80000001, efiVariable('SecureBoot', new Uint8Array([1])));
const disabled = event(7, 0x80000001, efiVariable('SecureBoot', new Uint8Array([0])));
const separator = event(7, 4, new Uint8Array(4));

describe('event logs', () => {
  it('round-trip', () => {
    const log = sampleLog();
    expect(toHex(encodeEventLog(parseEventLog(log)))).toBe(toHex(log));
  });
  it('replay to the values of the PCRs, bank by bank', () => {
    const log = sampleLog();
    for (const hash of [ALG.SHA1, ALG.SHA256, ALG.SHA384]) {
      const { name, size } = hashOf(hash);
      let expected = new Uint8Array(size);
      for (const { pcr, type, data } of parseEventLog(log).events)
        if (pcr === 7 && type !== 3) expected = new Uint8Array(digest(name, expected, digest(name, data)));
      expect(toHex(replayEventLog(parseEventLog(log), hash).get(7) ?? new Uint8Array(0))).toBe(toHex(expected));
    }
  });
  it('start PCR 0 at the locality, and 17 to 22 at ones', () => {
    const locality = event(0, 3, concat(new Uint8Array(Buffer.from('StartupLocality\0')), new Uint8Array([3])));
    const measured = [event(0, 8, new Uint8Array([1])), event(17, 8, new Uint8Array([2]))];
    const values = replayEventLog(parseEventLog(logOf([locality, ...measured])), ALG.SHA256);
    const start = new Uint8Array(32);
    start[31] = 3;
    expect(values.get(0)).toEqual(digest('sha256', start, digest('sha256', new Uint8Array([1]))));
    expect(values.get(17)).toEqual(
      digest('sha256', new Uint8Array(32).fill(0xff), digest('sha256', new Uint8Array([2]))),
    );
  });
  it('show whether Secure Boot is enabled', () => {
    expect([secureBoot(enabled, separator), secureBoot(disabled, separator), secureBoot(separator)]).toEqual([
      'enabled',
      'disabled',
      'unknown',
    ]);
    const log = sampleLog();
    expect(verifyEventLog(log, [bank(log)])).toMatchObject({
      secureBoot: 'enabled',
      reason: expect.stringContaining('enabled'),
    });
  });
  it('refuse to believe a Secure Boot variable measured after the separator, or a second one', () => {
    expect([secureBoot(separator, enabled), secureBoot(disabled, enabled, separator)]).toEqual(['unknown', 'disabled']);
  });
  it('ignore other variables and variables of other owners', () => {
    const dbx = event(7, 0x80000001, efiVariable('dbx', new Uint8Array([1])));
    const foreign = event(7, 0x80000001, efiVariable('SecureBoot', new Uint8Array([1]), '00'.repeat(16)));
    expect(secureBoot(dbx, foreign, event(7, 8, new Uint8Array([1])), separator)).toBe('unknown');
    expect(SECURE_BOOT_GUID).toHaveLength(32);
  });
  it('say unknown when PCR 7 was not quoted', () => {
    const log = logOf([enabled, separator]);
    expect(verifyEventLog(log, [bank(log, [0, 1])]).secureBoot).toBe('unknown');
  });
  it('refuses a Secure Boot variable whose measurement was of other data', () => {
    const lie = { ...disabled, data: enabled.data };
    const log = logOf([lie, separator]);
    expect(refusal(() => verifyEventLog(log, [bank(log)]))).toBe('event-log-mismatch');
  });
  it('refuses an event log that does not lead to the quoted PCRs', () => {
    const log = logOf([enabled, separator]);
    expect(refusal(() => verifyEventLog(logOf([disabled, separator]), [bank(log)]))).toBe('event-log-mismatch');
    expect(refusal(() => verifyEventLog(logOf([enabled]), [bank(log)]))).toBe('event-log-mismatch');
    const extended = { hash: ALG.SHA256, values: [{ pcr: 3, digest: new Uint8Array(32).fill(1) }] };
    expect(refusal(() => verifyEventLog(log, [extended]))).toBe('event-log-mismatch');
  });
  it('refuses a log without digests of the quoted bank', () => {
    const log = logOf([event(0, 8, new Uint8Array([1]), [ALG.SHA1])]);
    expect(refusal(() => replayEventLog(parseEventLog(log), ALG.SHA256))).toBe('wrong-format');
    expect(refusal(() => replayEventLog(parseEventLog(log), ALG.SM3_256))).toBe('unsupported-algorithm');
  });
  it('refuses a digest that is not as long as its hash', () => {
    const log = {
      algorithms: [{ hash: ALG.SHA256, size: 20 }],
      events: [{ pcr: 0, type: 8, digests: new Map([[ALG.SHA256, new Uint8Array(20)]]), data: new Uint8Array(0) }],
    };
    expect(refusal(() => replayEventLog(parseEventLog(encodeEventLog(log)), ALG.SHA256))).toBe('malformed');
  });
  it('refuses an event log of the old kind', () => {
    const log = sampleLog();
    const old = log.slice();
    old.set(Buffer.from('Spec ID Event00\0'), 32);
    expect(refusal(() => parseEventLog(old))).toBe('wrong-format');
  });
  it('refuses an event log cut short anywhere', () => {
    const log = logOf([enabled]);
    const header = logOf([]).length;
    for (let size = 0; size < log.length; size += 1)
      if (size !== header) expect(refusal(() => parseEventLog(log.slice(0, size)))).toMatch(/truncated|wrong-format/);
  });
  it('refuses an event log that is too large or too long', () => {
    expect(refusal(() => parseEventLog(new Uint8Array((1 << 20) + 1)))).toBe('too-large');
    const tiny = Array.from({ length: 16_385 }, () => event(0, 3, new Uint8Array(0), []));
    expect(refusal(() => parseEventLog(logOf(tiny)))).toBe('too-large');
  });
  it('refuses headers and events that contradict themselves', () => {
    const algorithms = [{ hash: ALG.SHA256, size: 32 }];
    const one = (change: Partial<LogEvent>) =>
      encodeEventLog({
        algorithms,
        events: [{ pcr: 0, type: 8, digests: new Map(), data: new Uint8Array(0), ...change }],
      });
    expect(refusal(() => parseEventLog(one({ pcr: 32 })))).toBe('malformed');
    expect(refusal(() => parseEventLog(one({ digests: new Map([[ALG.SHA1, new Uint8Array(20)]]) })))).toBe('malformed');
    expect(
      refusal(() =>
        parseEventLog(
          one({
            digests: new Map([
              [ALG.SHA1, new Uint8Array(20)],
              [ALG.SHA256, new Uint8Array(32)],
            ]),
          }),
        ),
      ),
    ).toBe('malformed');
    for (const list of [
      [],
      Array(17).fill(algorithms[0]),
      [...algorithms, ...algorithms],
      [{ hash: 11, size: 0 }],
      [{ hash: 11, size: 65 }],
    ]) {
      expect(refusal(() => parseEventLog(encodeEventLog({ algorithms: list, events: [] })))).toBe('malformed');
    }
    const two = concat(
      logOf([]).slice(0, 0),
      encodeEventLog({
        algorithms: [
          { hash: 11, size: 32 },
          { hash: 12, size: 48 },
        ],
        events: [],
      }),
    );
    const doubled = concat(
      two,
      new Uint8Array([
        0,
        0,
        0,
        0,
        8,
        0,
        0,
        0,
        2,
        0,
        0,
        0,
        11,
        0,
        ...new Uint8Array(32),
        11,
        0,
        ...new Uint8Array(32),
        0,
        0,
        0,
        0,
      ]),
    );
    expect(refusal(() => parseEventLog(doubled))).toBe('malformed');
    const header = logOf([]).slice();
    header[28] = (header[28] ?? 0) + 1;
    expect(refusal(() => parseEventLog(concat(header, new Uint8Array(1))))).toBe('malformed');
  });
  it('refuses an EFI variable with an impossible length', () => {
    const data = concat(new Uint8Array(16), new Uint8Array(8).fill(0xff), new Uint8Array(8));
    const log = logOf([event(7, 0x80000001, data)]);
    expect(refusal(() => verifyEventLog(log, [bank(log)]))).toBe('malformed');
  });
});
