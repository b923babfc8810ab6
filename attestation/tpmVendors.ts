/** TCG TPM Vendor ID Registry: the code in `id:XXXXXXXX` (upper-case hexadecimal) and who it is. */
export const TPM_VENDORS: Readonly<Record<string, string>> = {
  '414D4400': 'AMD',
  '414E5400': 'Ant Group',
  '41544D4C': 'Atmel',
  '4252434D': 'Broadcom',
  '4353434F': 'Cisco',
  '464C5953': 'Flyslice',
  '474F4F47': 'Google',
  '48504500': 'HPE',
  '48504900': 'HPI',
  '48495349': 'Huawei',
  '49424D00': 'IBM',
  '49465800': 'Infineon',
  '494E5443': 'Intel',
  '4C454E00': 'Lenovo',
  '4D534654': 'Microsoft',
  '4E534700': 'NSING',
  '4E534D20': 'National Semiconductor',
  '4E544300': 'Nuvoton',
  '4E545A00': 'Nationz',
  '51434F4D': 'Qualcomm',
  '524F4343': 'Rockchip',
  '53454345': 'SecEdge',
  '534D4353': 'SMSC',
  '534D5343': 'SMSC',
  '534D534E': 'Samsung',
  '534E5300': 'Sinosun',
  '5345414C': 'Wisekey',
  '53544D20': 'STMicroelectronics',
  '54584E00': 'Texas Instruments',
  '564D5700': 'VMware',
  '57454300': 'Winbond',
};

/** The manufacturer codes that a vendor's certificates carry; several where one makes TPMs inside another's processors. */
export const CODES_OF_VENDOR: Readonly<Record<string, readonly string[]>> = {
  AMD: ['414D4400', '4D534654'],
  Infineon: ['49465800'],
  Intel: ['494E5443'],
  Microsoft: ['4D534654', '414D4400', '494E5443', '51434F4D'],
  NSING: ['4E534700', '4E545A00'],
  Nuvoton: ['4E544300', '57454300'],
  STMicroelectronics: ['53544D20'],
};

/** FIDO's conformance tools; no TPM has it. */
export const FIDO_CONFORMANCE_CODE = 'FFFFF1D0';
