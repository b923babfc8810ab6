import { writeFile } from 'node:fs/promises';
import { arch, release } from 'node:os';
import { type EnrollmentRecord, openSlots } from '../../app/records.ts';
import { NativeError, readMachineHere } from '../../native/index.ts';
import type { Handler } from '../command.ts';
import { composePorts } from '../compose.ts';
import { EXIT } from '../exitCodes.ts';
import { redact } from '../redact.ts';
import { runChecks } from './doctor.ts';

/** One file with what IT asks for first. Identifiers, addresses of people, host names and secrets are taken out. */
export const logsBundle: Handler = async (values, context) => {
  const ports = composePorts(values, context);
  const path = values.texts.get('output') ?? 'muster-diagnostics.json';
  const machine = await readMachineHere();
  const record = await openSlots(ports.store)
    .enrollment.read()
    .catch(() => undefined);
  const bundle = {
    note: 'Diagnostics of Muster. Identifiers, names and secrets are replaced by a short hash that is the same throughout this file.',
    version: context.version,
    runtime: {
      node: process.versions.node,
      os: machine.os,
      osVersion: machine.osVersion,
      kernel: release(),
      architecture: arch(),
    },
    machine,
    enrollment: record ? describe(record) : null,
    checks: await runChecks(values, ports),
  };
  await writeFile(path, `${JSON.stringify(redact(bundle), null, 2)}\n`, { mode: 0o600 }).catch((cause: unknown) => {
    throw new NativeError('state-folder-unusable', `The file ${path} cannot be written.`, {
      advice: 'Choose another place: muster logs bundle --output FILE.',
      cause,
    });
  });
  context.out(`${path}\n`);
  return EXIT.ok;
};

function describe({ origin, seenAt, device }: EnrollmentRecord) {
  const { id: deviceId, ...rest } = device;
  return { origin, seenAt, device: { deviceId, ...rest } };
}
