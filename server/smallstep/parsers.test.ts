import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tailOfPath } from './path.ts';
import { parseDeviceQuery, parsePagination } from './query.ts';
import { SmallstepRefusal } from './refusal.ts';
import { requestedVersion } from './version.ts';

describe('pagination[…], filters[…] and sort[…]', () => {
  it('has the documented defaults', () => {
    expect(parseDeviceQuery('')).toEqual({
      pagination: { first: 100, after: null },
      filters: {},
      sort: { field: 'enrolledAt', ascending: false },
    });
  });

  it('reads the encoded and the bare spelling of a cursor', () => {
    const expected = { first: 30, after: 'MTIzNA==' };
    expect(parsePagination('pagination%5Bfirst%5D=30&pagination%5Bafter%5D=MTIzNA%3D%3D')).toEqual(expected);
    expect(parsePagination('pagination[first]=30&pagination[after]=MTIzNA==')).toEqual(expected);
    expect(parsePagination('pagination[first]=&pagination[after]=null')).toEqual({ first: 100, after: null });
  });

  it.each([
    'filters[source]=Jamf&filters[source]=Google+Workspace',
    'filters[source][]=Jamf&filters[source][]=Google%20Workspace',
    'filters%5Bsource%5D%5B0%5D=jamf&filters%5Bsource%5D%5B1%5D=google%20workspace',
    'filters[source]=Jamf,Google%20Workspace',
    'source=Jamf&source=Google+Workspace',
  ])('reads a list written %s', (query) => {
    expect(parseDeviceQuery(query).filters).toEqual({ source: ['Jamf', 'Google Workspace'] });
  });

  it("reads the documents' own examples", () => {
    expect(parseDeviceQuery('filters[os]=windows&filters[assurance]=high').filters).toEqual({
      operatingSystem: ['Windows'],
      assurance: ['high'],
    });
    expect(parseDeviceQuery('sort[field]=lastSeen&sort[ascending]=true').sort).toEqual({
      field: 'lastSeen',
      ascending: true,
    });
  });

  it.each([
    'pagination[first]=0',
    'pagination[first]=1001',
    'pagination[first]=1e2',
    'filters[source]=Nobody',
    'filters[onlyManaged]=perhaps',
    'sort[field]=name',
    `pagination[after]=${'x'.repeat(1025)}`,
    `filters[source]=${'Jamf,'.repeat(60)}`,
    'x'.repeat(9000),
    '&a=1'.repeat(201),
    'filters[source]=%zz',
  ])('refuses %.60s', (query) => {
    expect(() => parseDeviceQuery(query)).toThrow(expect.objectContaining({ status: 400 }));
  });

  it('ignores what it does not know, and never fails otherwise', () => {
    expect(parseDeviceQuery('filters[nothing]=1&x[y]=2&filters=3&filters[__proto__]=4').filters).toEqual({});
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: 'binary' }), (query) => {
        try {
          parseDeviceQuery(query);
        } catch (error) {
          expect(error).toBeInstanceOf(SmallstepRefusal);
        }
      }),
      { numRuns: 500, seed: 500 },
    );
  });
});

describe('identifiers in paths', () => {
  const at = (tail: string) => tailOfPath(`/api/collections/default/instances/${tail}`, 'instances');

  it('reads one EK URN out of each spelling, with and without /data', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (seed) => {
        const urn = `urn:ek:sha256:${createHash('sha256').update(seed).digest('base64')}`;
        for (const spelling of [urn, encodeURIComponent(urn), urn.replaceAll('/', '%2F')]) {
          expect(at(spelling)).toEqual({ identifier: urn, data: false });
          expect(at(`${spelling}/data?x=1`)).toEqual({ identifier: urn, data: true });
        }
      }),
      { numRuns: 100, seed: 100 },
    );
  });

  it('tells an encoded slash before data from the sub-resource', () => {
    expect(at('host%2Fdata')).toEqual({ identifier: 'host/data', data: false });
    expect(at('host/data')).toEqual({ identifier: 'host', data: true });
  });

  it.each(['', '%zz', '%00', 'a'.repeat(257), '%F0%9F%98%80'])('refuses %.20j', (tail) => {
    expect(() => at(tail)).toThrow(expect.objectContaining({ status: 400 }));
  });
});

describe('the version of a request', () => {
  const served = ['2025-01-01', '2026-05-01'] as const;
  it('comes from the header, else from the media type, else is the newest', () => {
    expect(requestedVersion('2025-01-01', 'application/json', served)).toBe('2025-01-01');
    expect(requestedVersion(undefined, 'application/vnd.smallstep.v2025-01-01+json', served)).toBe('2025-01-01');
    expect(requestedVersion('2026-05-01', 'application/vnd.smallstep.v2025-01-01+json', served)).toBe('2026-05-01');
    expect(requestedVersion(undefined, '*/*', served)).toBe('2026-05-01');
  });
  it('is refused where it is unknown, or does not have the resource', () => {
    expect(() => requestedVersion('2022-06-10', undefined, served)).toThrow(expect.objectContaining({ status: 400 }));
    expect(() => requestedVersion('2023-11-01', undefined, served)).toThrow(expect.objectContaining({ status: 404 }));
  });
});
