import type { Handler } from '../command.ts';
import { composePorts } from '../compose.ts';
import { printDevice } from '../describeDevice.ts';
import { withEnrolled } from '../enrolled.ts';
import { EXIT } from '../exitCodes.ts';

export const attest: Handler = async (values, context) => {
  const ports = composePorts(values, context);
  const device = await withEnrolled(ports, context, async (app, record) => {
    await app.bridge.invoke('reattest', { otherKeys: values.flags.has('other-keys') });
    const { state } = await app.bridge.invoke('snapshot', {});
    return state.kind === 'enrolled' ? state.device : record.device;
  });
  if (values.flags.has('json')) context.out(`${JSON.stringify(device)}\n`);
  else printDevice(context, device);
  return device.attestation === 'valid' ? EXIT.ok : EXIT.refused;
};
