import { readTpmInfo } from '../../native/tpm/info.ts';
import type { Handler } from '../command.ts';
import { EXIT } from '../exitCodes.ts';
import { withTpm } from '../hardware.ts';
import { printRows } from '../print.ts';
import { needingTpmItself } from '../throughService.ts';

export const tpmInfo: Handler = async (values, context) => {
  const info = await needingTpmItself(values, () => withTpm(values, readTpmInfo));
  if (values.flags.has('json')) {
    context.out(`${JSON.stringify({ version: '2.0', ...info }, null, 2)}\n`);
    return EXIT.ok;
  }
  const { name, ascii, hex, code } = info.manufacturer;
  printRows(context, [
    ['Version', 'TPM 2.0'],
    ['Reached through', info.address],
    ['Manufacturer', `${name} (<${ascii}>, ${hex}, ${code})`],
    ['Vendor info', info.vendor],
    ['Firmware version', info.firmwareVersion],
    ['Owner authorization', info.ownerAuthSet ? 'set' : 'not set'],
    ['Endorsement authorization', info.endorsementAuthSet ? 'set: activation needs it' : 'not set'],
    ['Lockout', info.inLockout ? 'locked out after wrong authorizations' : 'no'],
  ]);
  return EXIT.ok;
};
