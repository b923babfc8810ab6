import { describe, expect, it } from 'vitest';
import { redact } from './redact.ts';

const URN = 'urn:ek:sha256:Td7S/gE6SMCRnJ61cB5ovPEfQdu5rhAGcUGcr0raB5w=';

describe('redaction', () => {
  const input = {
    machine: {
      hostName: 'annas-laptop',
      serial: { value: 'PF3ABCDE', readBy: 'service' },
      model: { value: '21HD' },
      hardwareUuid: { unavailable: 'only root reads it', why: 'not-allowed' },
    },
    device: { permanentIdentifier: URN, owner: { email: 'anna@example.com', displayName: 'Anna' } },
    texts: [
      `EK ${URN} of PF3ABCDE at /home/anna/.local and C:\\Users\\anna\\x, uuid 4c4c4544-0044-4810-8031-b4c04f564432`,
      'mail bob.b+x@sub.example.org with muster_provision_abcdefghijklmnop1234 and https://x.example/invite#muster_invite_abcdefghijklmnop1234',
    ],
    count: 3,
    empty: null,
  };
  const text = JSON.stringify(redact(input));

  it('takes out what names a machine or a person, wherever it stands', () => {
    for (const secret of [
      'annas-laptop',
      'PF3ABCDE',
      'Td7S',
      'anna@',
      '"Anna"',
      '/home/anna/',
      'Users\\\\anna',
      '4c4c4544',
      'bob.b',
      'muster_provision',
      'muster_invite',
      'ijklmnop1234',
    ]) {
      expect(text).not.toContain(secret);
    }
  });

  it('leaves what helps', () => {
    expect(text).toContain('only root reads it');
    expect(text).toContain('"why":"not-allowed"');
    expect(text).toContain('21HD');
    expect(text).toContain('"readBy":"service"');
    expect(text).toContain('"count":3');
  });

  it('gives equal things equal tags in one file, and others in the next', () => {
    const tags = (value: unknown) => JSON.stringify(value).match(/\[redacted \w+\]/g) ?? [];
    const [first, second] = tags(redact([{ serial: 'PF3ABCDE' }, 'seen PF3ABCDE']));
    expect(first).toBe(second);
    expect(tags(redact([{ serial: 'PF3ABCDE' }]))[0]).not.toBe(first);
  });
});
