import { describe, expect, it } from 'vitest';
import { changeExplicit, type Layers, machineLayer, visibleOwner, visibleValues } from './layers.ts';
import { normalizeSerial } from './serials.ts';

const jamf = {
  connection: 'one',
  source: 'Jamf' as const,
  createdAt: 10,
  values: { displayName: 'from Jamf', serial: 'C02', email: 'j@example.com' },
};
const intune = {
  connection: 'two',
  source: 'Intune' as const,
  createdAt: 20,
  values: { displayName: 'from Intune', os: 'macOS' as const },
};
const none: Layers = { explicit: {}, mdm: [], machine: {} };

describe('layered values', () => {
  it('shows an explicit value over an MDM value, and the MDM value again after null', () => {
    const explicit = changeExplicit({}, { displayName: 'mine' });
    const masked = visibleValues({ ...none, explicit, mdm: [jamf] });
    expect(masked.values.displayName).toBe('mine');
    expect(masked.from.displayName).toBe('explicit');
    const unmasked = visibleValues({ ...none, explicit: changeExplicit(explicit, { displayName: null }), mdm: [jamf] });
    expect(unmasked.values.displayName).toBe('from Jamf');
    expect(unmasked.from.displayName).toBe('Jamf');
  });

  it('keeps an explicit empty text, which masks, and leaves fields that a change does not name', () => {
    const explicit = changeExplicit({ displayId: '7' }, { displayName: '' });
    expect(visibleValues({ ...none, explicit, mdm: [jamf] }).values).toMatchObject({ displayName: '', displayId: '7' });
  });

  it('is empty where no layer knows a value', () => {
    expect(visibleValues(none)).toEqual({ values: {}, from: {} });
  });

  it('prefers the MDM that reported first, in whatever order the layers come', () => {
    for (const mdm of [
      [jamf, intune],
      [intune, jamf],
    ]) {
      expect(visibleValues({ ...none, mdm }).values).toMatchObject({ displayName: 'from Jamf', os: 'macOS' });
    }
    const same = [{ ...intune, createdAt: 10 }, jamf];
    expect(visibleValues({ ...none, mdm: same }).values.displayName).toBe('from Intune');
  });

  it('takes the word of the machine last', () => {
    const machine = machineLayer(JSON.stringify({ hostName: 'host', os: 'Linux', serial: { value: ' abc1 ' } }));
    expect(visibleValues({ ...none, mdm: [jamf], machine }).values).toMatchObject({
      displayName: 'from Jamf',
      serial: 'C02',
      os: 'Linux',
    });
    expect(visibleValues({ ...none, machine }).values.serial).toBe('ABC1');
    expect(machineLayer(null)).toEqual({});
  });

  it('never lets an MDM displace the person who enrolled the device', () => {
    const visible = visibleValues({ ...none, mdm: [jamf] });
    expect(visibleOwner(visible, 'enrolled@example.com')).toEqual({ email: 'enrolled@example.com', from: 'enrolment' });
    expect(visibleOwner(visible, null)).toEqual({ email: 'j@example.com', from: 'Jamf' });
    const explicit = visibleValues({ ...none, explicit: { email: 'x@example.com' }, mdm: [jamf] });
    expect(visibleOwner(explicit, 'enrolled@example.com')).toEqual({ email: 'x@example.com', from: 'explicit' });
    expect(visibleOwner(visibleValues(none), null)).toBeNull();
  });
});

describe('serial numbers', () => {
  it.each([
    '',
    '0',
    'None',
    'Not Specified',
    'To Be Filled By O.E.M.',
    'Default string',
    'Defaultstring',
    '-1',
    '00000000',
    ' SystemSerialNumber ',
  ])('takes %j for no serial number', (text) => expect(normalizeSerial(text)).toBeNull());
  it('writes a real one in one spelling', () => expect(normalizeSerial(' c02xk1zhjgh5 ')).toBe('C02XK1ZHJGH5'));
});
