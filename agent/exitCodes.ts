/** Exit codes: part of the interface, so they never change their meaning. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  hardware: 3,
  permission: 4,
  network: 5,
  refused: 6,
  notEnrolled: 7,
  state: 8,
  pending: 9,
  checkFailed: 10,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: Record<keyof typeof EXIT, string> = {
  ok: 'Done.',
  unexpected: 'Something that Muster did not expect.',
  usage: 'The command line is not understood, or what it names cannot be used.',
  hardware: 'No TPM, or one that is busy, locked out or in trouble.',
  permission: 'The TPM or an administrator right is out of reach for this account.',
  network: 'The server cannot be reached, or does not answer like a Muster server.',
  refused: 'The server refused, or this device was refused.',
  notEnrolled: 'This device is not enrolled.',
  state: 'The saved state or its keys cannot be used.',
  pending: 'Enrolled, and still waiting for approval.',
  checkFailed: 'A check failed: of muster doctor, or of a command of muster server.',
  interrupted: 'Interrupted from the keyboard.',
};
