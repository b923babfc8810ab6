import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { evidenceReasonInGerman } from '../../console/devices/evidenceReasons.ts';
import type { EvidenceList, EvidenceVerification } from '../../contract/index.ts';
import { createClaimDevice } from '../../server/testing/claimDevice.ts';
import { createMaker, createSoftDevice } from '../../server/testing/softDevice.ts';
import { startWorld, type World } from '../../server/testing/world.ts';
import { evidenceReasonsDe } from '../../ui/messages/evidenceReasons.de.ts';

/** The sources that write the sentences, without line breaks inside them. */
const sources = ['attestation', 'server/enrollment']
  .flatMap((room) => {
    const folder = resolve(import.meta.dirname, '../..', room);
    return readdirSync(folder)
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => readFileSync(resolve(folder, name), 'utf8'));
  })
  .join('\n');

test.each(evidenceReasonsDe.map(([english]) => english))('is a wording that the sources use: %s', (english) => {
  // Where a root comes from is a value in the source, and a word of its own in the sentence.
  const fixed = english.replace(/, (administrator|shipped|demo)\)/, ', {source})');
  const long = fixed.split(/\{\w+\}/).filter((part) => part.length > 12);
  expect(long).not.toEqual([]);
  for (const part of long) expect(sources).toContain(part);
});

test('values stand where the German sentence wants them', () => {
  expect(evidenceReasonInGerman('The certificate chains to CN=Root (A) (Maker, administrator).')).toBe(
    'Das Zertifikat führt zu CN=Root (A) (Maker, von diesem Team).',
  );
  expect(evidenceReasonInGerman('A sentence of tomorrow.')).toBeUndefined();
});

describe('what real enrolments leave', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.close());

  test('is German to the last sentence, as it was stored and judged again', async () => {
    const token = await world.token('devices:read');
    await world.enroll(world.newDevice('trusted'), 'ada@example.com');
    await world.enroll(createSoftDevice({ maker: createMaker('Nobody'), name: 'unknown' }), 'ada@example.com');
    await world.claim(createClaimDevice('C02XK1ZHJGH5', 'mac'), 'ada@example.com');
    const { devices } = (await world.api(token, 'GET', '/api/v1/devices')).body as { devices: { id: string }[] };
    expect(devices).toHaveLength(3);
    const said = new Set<string>();
    for (const { id } of devices) {
      const listed = (await world.api(token, 'GET', `/api/v1/devices/${id}/evidence`)).body as z.infer<
        typeof EvidenceList
      >;
      for (const evidence of listed.evidence) {
        for (const reason of (evidence.verdict.reasons ?? []) as string[]) said.add(reason);
        const again = await world.api(token, 'POST', `/api/v1/evidence/${evidence.id}/verification`);
        for (const reason of (again.body as EvidenceVerification).reasons) said.add(reason);
      }
    }
    expect(said.size).toBeGreaterThan(7);
    expect([...said].filter((reason) => evidenceReasonInGerman(reason) === undefined)).toEqual([]);
  });
});
