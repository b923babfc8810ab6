/** One fact about the machine: its value, or one sentence that says why there is none. `readBy` where this account could not read it itself. */
export type Fact = { value: string; readBy?: 'service' } | { unavailable: string; why?: WhyUnavailable };

/**
 * The reason as a code, for whoever shows it in another language: there is none; the maker left a text that names no machine; this account
 * may not read it; Apple does not attest it; the service could not tell.
 */
export type WhyUnavailable = 'none' | 'placeholder' | 'not-allowed' | 'not-attested' | 'service-failed';

/** What this machine says about itself. Everything here is a claim; nothing of it is proven. Plain JSON. */
export type MachineReport = {
  hostName: string;
  os: 'Linux' | 'Windows' | 'macOS';
  /** Name and version of the operating system; 'unknown' where it does not tell. */
  osVersion: string;
  /** As Node names it: x64, arm64. */
  architecture: string;
  manufacturer: Fact;
  model: Fact;
  serial: Fact;
  hardwareUuid: Fact;
  /** macOS only; on Apple silicon the value that Apple's own attestation carries. */
  provisioningUdid?: Fact;
  virtualMachine: 'yes' | 'no' | 'unknown';
};

/** The facts that only the operating system's own collector knows. */
export type MachineFacts = Omit<MachineReport, 'hostName' | 'architecture'>;

/** Texts that makers leave where a serial belongs, without spaces, dots and case. */
const PLACEHOLDERS = new Set([
  'tobefilledbyoem',
  'defaultstring',
  'systemserialnumber',
  'chassisserialnumber',
  'baseboardserialnumber',
  'systemproductname',
  'systemmanufacturer',
  'notspecified',
  'notapplicable',
  'notavailable',
  'unavailable',
  'none',
  'null',
  'unknown',
  'invalid',
  'oem',
  'na',
  'n/a',
  'empty',
  'serial',
  'serialnumber',
  '0123456789',
  '123456789',
  '1234567890',
  '-1',
  'xxxxxxxx',
]);

/** True for "To be filled by O.E.M.", "Default string", all zeros and the like: texts that name no machine. */
export function isPlaceholder(text: string): boolean {
  const bare = text
    .trim()
    .toLowerCase()
    .replace(/[\s._]+/g, '');
  return bare === '' || PLACEHOLDERS.has(bare) || /^(.)\1*$/.test(bare.replace(/-/g, ''));
}

const CONTROL = /\p{Cc}+/gu;

/** A fact from a text as the machine gave it; `name` completes "has no …". */
export function fact(text: string | undefined, name: string): Fact {
  if (text === undefined) return { unavailable: `This machine has no ${name}.`, why: 'none' };
  const value = text.replace(CONTROL, ' ').trim();
  if (isPlaceholder(value)) {
    const shown = value === '' ? 'left it empty' : `left "${value.slice(0, 40)}" there`;
    return { unavailable: `This machine has no ${name}: its maker ${shown}.`, why: 'placeholder' };
  }
  return { value: value.slice(0, 256) };
}

/** A UUID in upper case. All zeros and all ones mean that the maker set none (SMBIOS 3.7, 7.2.1). */
export function uuidFact(text: string | undefined): Fact {
  const plain = text?.trim().toUpperCase();
  if (plain === undefined) return { unavailable: 'This machine has no hardware UUID.', why: 'none' };
  if (!/^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/.test(plain)) {
    return { unavailable: 'The hardware UUID of this machine is not well formed.', why: 'placeholder' };
  }
  const digits = new Set(plain.replaceAll('-', ''));
  if (digits.size === 1) {
    return { unavailable: 'This machine has no hardware UUID: its maker did not set one.', why: 'placeholder' };
  }
  // A value found on many boards of different owners.
  if (plain === '03000200-0400-0500-0006-000700080009') {
    return {
      unavailable: 'This machine has no hardware UUID: its maker used one value for many machines.',
      why: 'placeholder',
    };
  }
  return { value: plain };
}

/** Words in maker or model that only virtual machines have. */
const VIRTUAL =
  /vmware|virtualbox|innotek|qemu|kvm|bochs|xen|parallels|bhyve|openstack|amazon ec2|google compute engine|virtual machine|virtualmac|apple.*\(virtual\)|digitalocean|hetzner.*vserver|nutanix|rhev|ovirt|\bhvm domu\b/i;

export function looksVirtual(...texts: (Fact | undefined)[]): boolean {
  return texts.some((text) => text !== undefined && 'value' in text && VIRTUAL.test(text.value));
}
