import type { CeremonyStep, EnrollmentRequest, MachineReport, SelfDevice, ServerInfo } from '../contract/index.ts';
import { isTransient, retrying } from './backoff.ts';
import { base64, fromBase64 } from './bytes.ts';
import { type RestartPoint, restartPoint, startFrom } from './ceremonyStart.ts';
import { createGrantKey, exportGrantKey } from './dpop.ts';
import { AppError, toAppError } from './errors.ts';
import type { Inventory } from './inventory.ts';
import type { Clock, Fetch, Logger } from './ports.ts';
import { activate, makeAttestationKey, makeDeviceKey, tpmProof } from './proof.ts';
import { type Prover, signerOf } from './prover.ts';
import type { CeremonyRecord, EnrollmentRecord } from './records.ts';
import type { SignIn } from './signIn.ts';
import { signInMs, steady, withDeadline } from './signInLimits.ts';

export type CeremonyProgress = {
  step(step: CeremonyStep, code: string | null): void;
  signingIn(where: { code: string; url: string; userCode: string | null; expiresAt: Date }): void;
  /** The network or the server is away; the ceremony goes on by itself when it is back. */
  waitingForServer(error: AppError): void;
};

export type CeremonyContext = {
  inventory: Inventory;
  server: ServerInfo;
  machine: MachineReport;
  prover: Prover;
  signIn: SignIn;
  saved: CeremonyRecord | undefined;
  save(record: CeremonyRecord): Promise<void>;
  progress: CeremonyProgress;
  clock: Clock;
  fetch: Fetch;
  log: Logger;
  signal: AbortSignal;
};

/** How long a step keeps trying while the network or the server is away. */
const PATIENCE_MS = 180_000;
const RESTARTS = 4;

/**
 * Runs one ceremony to its end, from wherever the saved record is. Transient failures are waited out; what the server forgot or spent in the
 * meantime (it was killed, an answer was lost) is done again from the latest step that still holds. Everything else is thrown.
 */
export async function runCeremony(context: CeremonyContext): Promise<EnrollmentRecord> {
  const { inventory, prover, progress, clock, signal } = context;
  const { permanentIdentifier } = prover;
  let { record, key } = await startFrom(context.saved, { origin: inventory.origin, permanentIdentifier }, clock);
  let signInCut = false;
  if (record.deviceKey) {
    const device = await enrolledMeanwhile();
    if (device) return finished(device);
  }
  for (let restarts = 0; ; restarts += 1) {
    try {
      return await steps();
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toAppError(thrown);
      const from = signInCut ? 'announce' : restartPoint(error);
      signInCut = false;
      if (from === 'announce' && record.deviceKey) {
        const device = await enrolledMeanwhile();
        if (device) return finished(device);
      }
      if (!from || restarts >= RESTARTS) throw error;
      context.log.warn('a part of the ceremony starts over', { from, code: error.code });
      await rewind(from);
      if (isTransient(error)) progress.waitingForServer(error);
      await clock.sleep(250 * 2 ** restarts, signal);
      signal.throwIfAborted();
    }
  }

  async function steps(): Promise<EnrollmentRecord> {
    const grant = record.grant ?? (await getGrant());
    const code = grant.ceremony.code;
    const credential = inventory.granted(key, grant.grant);
    if (prover.kind === 'tpm') {
      progress.step('attestation-key', code);
      const attestationKey =
        record.attestationKey ?? (await makeAttestationKey(prover.attestor, prover.permanentIdentifier));
      await keep({ attestationKey });
      progress.step('activation', code);
      const { attestor, endorsement } = prover;
      // Each try asks for a new credential: the secret of the last one may have been spent by an answer that was lost.
      const akChain =
        record.akChain ??
        (await patient(() => activate({ inventory, credential, attestor, endorsement, key: attestationKey })));
      await keep({ akChain });
    }
    progress.step('device-key', code);
    const deviceKey =
      record.deviceKey ??
      (prover.kind === 'tpm'
        ? await makeDeviceKey(prover.attestor)
        : { kind: 'claim' as const, spki: base64(await prover.signer.spki()) });
    await keep({ deviceKey });
    progress.step('enrollment', code);
    const challenge = await patient(() => inventory.challenge(credential));
    const body = await enrollmentBody(challenge);
    return finished(await patient(() => inventory.enroll(key, grant.grant, body)));
  }

  async function getGrant() {
    progress.step('announce', null);
    const ceremony =
      record.ceremony ??
      (await patient(() =>
        inventory.announce({
          permanentIdentifier: prover.permanentIdentifier,
          deviceName: context.machine.hostName,
          os: context.machine.os,
          keyThumbprint: key.thumbprint,
        }),
      ));
    await keep({ ceremony });
    progress.step('sign-in', ceremony.code);
    const ms = signInMs(ceremony.expiresAt, clock);
    // By this machine's clock: the window counts down by it.
    const expiresAt = new Date(clock.now().getTime() + ms);
    const token = await withDeadline(signal, clock, ms, (limited) =>
      context.signIn({
        origin: inventory.origin,
        server: context.server,
        ceremony,
        key,
        fetch: steady(context.fetch, clock),
        waiting: ({ url, userCode }) => progress.signingIn({ code: ceremony.code, url, userCode, expiresAt }),
        signal: limited,
      }),
    ).catch((error: unknown) => {
      signal.throwIfAborted();
      const known = toAppError(error);
      // Whatever the browser or the code exchange had reached is lost with the connection: sign in anew once the server is back.
      signInCut = isTransient(known);
      throw known;
    });
    progress.step('grant', ceremony.code);
    const grant = await patient(() => inventory.grant(key, token, ceremony.id));
    await keep({ grant });
    return grant;
  }

  async function enrollmentBody(challenge: Awaited<ReturnType<Inventory['challenge']>>): Promise<EnrollmentRequest> {
    const { machine } = context;
    const { attestationKey, akChain, deviceKey } = record;
    const common = { origin: inventory.origin, permanentIdentifier: prover.permanentIdentifier };
    if (prover.kind === 'tpm' && attestationKey && akChain && deviceKey?.kind === 'tpm') {
      const { attestor } = prover;
      const proof = { attestor, attestationKey, akChain, deviceKey, challenge, thumbprint: key.thumbprint, ...common };
      return { kind: 'tpm', machine, proof: await tpmProof(proof) };
    }
    if (prover.kind === 'claim' && deviceKey?.kind === 'claim') {
      const binding = { ...common, challenge: fromBase64(challenge.challenge), grantThumbprint: key.thumbprint };
      const signature = base64(await prover.signer.signClaim(binding));
      const { protection } = prover.signer;
      return {
        kind: 'claim',
        machine,
        challenge: challenge.challenge,
        deviceKey: { spki: deviceKey.spki, protection },
        signature,
      };
    }
    throw new AppError('key-of-another-tpm', 'The saved ceremony belongs to another kind of hardware.');
  }

  /** The answer to the enrolment may have been lost: the device key tells whether the server took it. */
  async function enrolledMeanwhile(): Promise<SelfDevice | undefined> {
    const { deviceKey } = record;
    if (!deviceKey) return undefined;
    try {
      return await patient(() => inventory.self(signerOf(prover, deviceKey)));
    } catch (error) {
      signal.throwIfAborted();
      if (isTransient(toAppError(error))) throw error;
      return undefined;
    }
  }

  function finished(device: SelfDevice): EnrollmentRecord {
    const { attestationKey, akChain, deviceKey } = record;
    if (!deviceKey) throw new AppError('unexpected', 'The enrolment ended without a device key.');
    return {
      version: 1,
      origin: inventory.origin,
      team: device.team,
      permanentIdentifier: prover.permanentIdentifier,
      attestationKey,
      akChain: akChain ?? [],
      deviceKey,
      device,
      seenAt: clock.now().toISOString(),
    };
  }

  async function rewind(from: RestartPoint): Promise<void> {
    switch (from) {
      case 'announce':
        key = await createGrantKey();
        return keep({ grantKey: await exportGrantKey(key), ceremony: null, grant: null });
      case 'activation':
        return keep({ akChain: null });
      case 'keys':
        return keep({ attestationKey: null, akChain: null, deviceKey: null });
      case 'enrollment':
        return;
      default:
        throw from satisfies never;
    }
  }

  async function keep(change: Partial<CeremonyRecord>): Promise<void> {
    signal.throwIfAborted();
    record = { ...record, ...change };
    await context.save(record);
  }

  function patient<T>(run: () => Promise<T>): Promise<T> {
    return retrying(run, { clock, signal, forMs: PATIENCE_MS, onWait: progress.waitingForServer });
  }
}
