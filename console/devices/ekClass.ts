import type { EkClass as Class } from '../../contract/device.ts';

/** Every class there is; one that is missing here does not compile. */
export const EK_CLASSES = Object.keys({
  hardware: true,
  firmware: true,
  virtual: true,
  software: true,
  'unknown-root': true,
  absent: true,
} satisfies Record<Class, true>) as Class[];

export const isEkClass = (value: string | null): value is Class => EK_CLASSES.some((one) => one === value);
