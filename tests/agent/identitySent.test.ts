import { mkdtemp, rm } from 'node:fs/promises';
import { ClientRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { OUTPUTS } from '../../agent/schemas.ts';
import { runMuster } from '../../agent/testing.ts';
import { type SoftwareTpm, startSoftwareTpm } from '../../demo/softwareTpm.ts';
import { has } from '../../native/testing/tools.ts';
import { startWorld, type World } from '../../server/testing/world.ts';
import { confirmAt, openedInvite, shownBy } from './atTheBrowser.ts';

type Json = { [name: string]: unknown };

/** Keys that this enrolment makes, what they sign, and numbers of the protocol: nothing that the machine was before. */
const MADE = {
  '/api/v1/ceremonies': ['keyThumbprint'],
  '/attest': ['params'],
  '/api/v1/enrollments': ['kind', 'proof'],
} as const;
const PROOF = ['challenge', 'akChain', 'akPublic', 'deviceKey', 'certify', 'quote'];

const without = (body: Json, names: readonly string[]) =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));

describe.skipIf(!has('swtpm'))('what an enrolment sends (needs swtpm)', () => {
  let folder: string;
  let software: SoftwareTpm;
  let world: World;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-sent-'));
    [software, world] = await Promise.all([startSoftwareTpm({ folder }), startWorld()]);
  });
  afterAll(async () => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
    await world?.close();
    await software?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('is what muster identity --json shows: every fact, and no other', async () => {
    const place = ['--tcti', software.tcti];
    const shown = OUTPUTS.identity.parse(JSON.parse((await runMuster(['identity', '--json', ...place])).out));
    const { tpm, machine } = shown;
    if (!tpm) throw new Error('No TPM was found.');

    const sent: { path: string; body: string }[] = [];
    let page: Promise<string> | undefined;
    // Both ways out of this process: fetch, and node:http, where a request is sent with its whole body at its end.
    const real = globalThis.fetch;
    vi.stubGlobal('fetch', async (input: Parameters<typeof fetch>[0], init?: RequestInit) => {
      const request = new Request(input, init);
      const { pathname, search } = new URL(request.url);
      // The person's browser has its own requests.
      if (page === undefined || !/^\/(?:oidc\/device|interaction)/.test(pathname) || pathname.endsWith('/auth'))
        sent.push({ path: pathname + search, body: await request.clone().text() });
      return real(request);
    });
    const { end } = ClientRequest.prototype;
    vi.spyOn(ClientRequest.prototype, 'end').mockImplementation(function (
      this: ClientRequest,
      ...args: Parameters<typeof end>
    ) {
      const [body] = args;
      sent.push({
        path: this.path,
        body: typeof body === 'string' ? body : body instanceof Uint8Array ? Buffer.from(body).toString() : '',
      });
      return end.apply(this, args);
    });
    const { code, err } = await runMuster(
      ['enroll', '--server', world.origin, '--device-flow', ...place, '--state', join(folder, 'client')],
      (text) => {
        if (text.includes('has to show this code')) {
          page ??= openedInvite(world).then((cookies) => confirmAt(world, shownBy(text), cookies));
        }
      },
    );
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
    expect(code, err).toBe(9);

    const bodyOf = (path: keyof typeof MADE): Json => {
      const found = sent.filter((one) => one.path === path);
      expect(found, path).toHaveLength(1);
      return JSON.parse(found[0]?.body ?? '') as Json;
    };
    expect(without(bodyOf('/api/v1/ceremonies'), MADE['/api/v1/ceremonies'])).toEqual({
      permanentIdentifier: shown.permanentIdentifier,
      deviceName: machine.hostName,
      os: machine.os,
    });
    const { certificate, publicKey } = tpm.endorsementKey;
    expect(without(bodyOf('/attest'), MADE['/attest'])).toEqual({
      tpmInfo: {
        version: 2,
        manufacturer: String(tpm.manufacturer.code),
        model: tpm.vendor,
        firmwareVersion: tpm.firmwareVersion,
      },
      ek: publicKey,
      ekCerts: [certificate, ...tpm.chain],
    });
    const enrollment = bodyOf('/api/v1/enrollments');
    expect(without(enrollment, MADE['/api/v1/enrollments'])).toEqual({ machine });
    const proof = enrollment.proof as { quote: { pcrs: { index: number }[] } };
    expect(Object.keys(proof).sort()).toEqual([...PROOF].sort());
    // A software TPM did not measure this machine's start: no event log goes with it.
    expect(Object.keys(proof.quote).sort()).toEqual(['attest', 'pcrs', 'signature']);
    expect(`sha256:0-${proof.quote.pcrs.length - 1}`).toBe(tpm.quoted);

    // Everything else that went out carries nothing of the machine.
    const facts = [machine.hostName, machine.serial, machine.hardwareUuid, machine.model, machine.manufacturer]
      .map((fact) => (typeof fact === 'string' ? fact : 'value' in fact ? fact.value : ''))
      .concat(shown.permanentIdentifier ?? '', publicKey);
    const others = sent.filter(({ path }) => !Object.hasOwn(MADE, path) && !path.startsWith('/api/v1/invites/'));
    expect(others.length).toBeGreaterThan(3);
    for (const { path, body } of others)
      for (const fact of facts.filter((text) => text.length > 5)) expect(path + body).not.toContain(fact);
    await page;
  });
});
