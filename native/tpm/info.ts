import { TPM_PT } from '../../attestation/tpmConstants.ts';
import { TPM_VENDORS } from '../../attestation/tpmVendors.ts';
import { readProperties, readTpmProperties } from './properties.ts';
import type { Tpm } from './tpm.ts';

/** TPMA_PERMANENT (TPM 2.0 part 2, 8.6). */
const OWNER_AUTH_SET = 1 << 0;
const ENDORSEMENT_AUTH_SET = 1 << 1;
const LOCKOUT_AUTH_SET = 1 << 2;
const IN_LOCKOUT = 1 << 9;

export type TpmInfo = {
  address: string;
  /** `code` is TPM_PT_MANUFACTURER, `hex` its eight digits, `ascii` its four characters, `name` the registry's or the same four. */
  manufacturer: { code: number; hex: string; ascii: string; name: string };
  vendor: string;
  firmwareVersion: string;
  ownerAuthSet: boolean;
  /** Activation of a credential needs this authorization where it is set. */
  endorsementAuthSet: boolean;
  lockoutAuthSet: boolean;
  inLockout: boolean;
};

export function readTpmInfo(tpm: Tpm): Promise<TpmInfo> {
  return tpm.work(async (scope) => {
    const { manufacturer, vendor, firmwareVersion } = await readTpmProperties(scope);
    const permanent = (await readProperties(scope, TPM_PT.PERMANENT, 1)).get(TPM_PT.PERMANENT) ?? 0;
    return {
      address: tpm.address,
      manufacturer: describeManufacturer(manufacturer),
      vendor,
      firmwareVersion,
      ownerAuthSet: (permanent & OWNER_AUTH_SET) !== 0,
      endorsementAuthSet: (permanent & ENDORSEMENT_AUTH_SET) !== 0,
      lockoutAuthSet: (permanent & LOCKOUT_AUTH_SET) !== 0,
      inLockout: (permanent & IN_LOCKOUT) !== 0,
    };
  });
}

export function describeManufacturer(code: number): TpmInfo['manufacturer'] {
  const hex = code.toString(16).toUpperCase().padStart(8, '0');
  const ascii = Buffer.from(hex, 'hex')
    .toString('latin1')
    .replace(/[^ -~]/g, ' ');
  return { code, hex, ascii, name: TPM_VENDORS[hex] ?? ascii.trim() };
}
