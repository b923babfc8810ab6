import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { enrolOnce, type Logger } from '../app/index.ts';
import { Device, type SelfDevice } from '../contract/index.ts';
import { demoPorts, platformName } from './client.ts';
import type { Demo } from './demo.ts';
import { DemoFailure } from './failure.ts';
import { scriptedPerson } from './scriptedPerson.ts';

/** The one line that `--once` prints. */
export type OnceResult = {
  permanentIdentifier: string;
  source: string;
  approved: boolean;
  highAssurance: boolean;
  assurance: SelfDevice['assurance'];
  owner: string | null;
  ekCertificate: SelfDevice['ekCertificate'];
  ekClass: SelfDevice['ekClass'];
  demo: boolean;
  elapsedMs: number;
};

/** Enrols this machine afresh as the demo person, approves it as the demo administrator, and waits until the client has seen it. */
export async function runOnce(demo: Demo, version: string, log: Logger): Promise<OnceResult> {
  const started = performance.now();
  const step = (name: string, ms: number) =>
    process.stderr.write(`${name.padEnd(16)} ${ms.toFixed(0).padStart(6)} ms\n`);
  // A fresh enrolment: the client forgets its keys; TPM, people and inventory stay.
  await rm(join(demo.folder, 'client'), { recursive: true, force: true });
  const atTheBrowser = scriptedPerson(demo.people.person, {
    onError: (error) =>
      process.stderr.write(`The sign-in pages: ${error instanceof Error ? error.message : String(error)}\n`),
  });
  const ports = demoPorts({ folder: demo.folder, tcti: demo.tcti, browser: atTheBrowser, log });
  const device = await enrolOnce(ports, {
    serverUrl: demo.origin,
    version,
    platform: platformName(),
    signIn: 'browser',
    until: 'decided',
    onStep: step,
    onEnrolled: (enrolled) => approve(demo, enrolled),
  });
  return {
    permanentIdentifier: device.permanentIdentifier,
    source: device.source,
    approved: device.approval === 'approved',
    highAssurance: device.assurance.level === 'high',
    assurance: device.assurance,
    owner: device.owner?.email ?? null,
    ekCertificate: device.ekCertificate,
    ekClass: device.ekClass,
    demo: device.demo,
    elapsedMs: Math.round(performance.now() - started),
  };
}

/** As the demo administrator, through the API, on the version of the evidence that the API shows. */
async function approve(demo: Demo, enrolled: SelfDevice): Promise<void> {
  if (enrolled.approval !== 'pending') return;
  const url = `${demo.origin}/api/v1/devices/${enrolled.id}`;
  const authorization = `Bearer ${demo.apiToken}`;
  const shown = Device.parse(await answer(await fetch(url, { headers: { authorization } })));
  await answer(
    await fetch(`${url}/approval`, {
      method: 'PUT',
      headers: { authorization, 'content-type': 'application/json', 'if-match': `"${shown.version}"` },
      body: JSON.stringify({ decision: 'approved' }),
    }),
  );
}

async function answer(response: Response): Promise<unknown> {
  if (response.ok) return response.json();
  const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string; advice?: string };
  throw new DemoFailure(
    problem.code ?? 'internal',
    problem.detail ?? `The API answered ${response.status}.`,
    problem.advice ?? 'Try again.',
  );
}
