import type { Command } from './command.ts';
import { SERVER_COMMAND_TABLE } from './serverCommandTable.ts';

const JSON_OPTION = { name: 'json', summary: 'Print JSON; muster schema COMMAND prints its schema.' } as const;
const TCTI = {
  name: 'tcti',
  value: 'STRING',
  summary:
    'Another TPM than this machine’s: device:/dev/tpmrmN, tabrmd:, swtpm:host=127.0.0.1,port=N or mssim:host=127.0.0.1,port=N.',
} as const;
const STATE = { name: 'state', value: 'FOLDER', summary: 'Folder of the saved state.' } as const;
const SERVER = { name: 'server', value: 'URL', summary: 'Address of the inventory server.' } as const;

/**
 * Every command once: help, completion, the man page and the parser all read this. A handler is imported only when its
 * command runs.
 */
export const COMMANDS: readonly Command[] = [
  {
    path: ['enroll'],
    summary: 'Enrol this device in an inventory.',
    description: [
      'Proves this device with its own hardware and registers it under the person who signs in. Sign-in happens in a browser on any machine, where you type the code that is shown here.',
      'An invite is pasted where you are asked for it, comes from a file, or is opened in that browser; it is spent only by a completed enrolment, and the person still confirms in the browser. A provisioning token comes from a file. Neither is an argument, because arguments are visible to other programs.',
    ],
    options: [
      SERVER,
      { name: 'device-flow', summary: 'Sign in with a code in a browser, also where policy has a provisioning token.' },
      {
        name: 'invite-file',
        value: 'FILE',
        summary: 'Sign in with the invite in this file, which only you may read; - reads standard input.',
      },
      {
        name: 'token-file',
        value: 'FILE',
        summary: 'Enrol with the provisioning token in this file; - reads standard input.',
      },
      { name: 'wait', summary: 'Wait until an administrator has decided.' },
      TCTI,
      STATE,
      JSON_OPTION,
    ],
    examples: [
      ['muster enroll --server https://inventory.example --device-flow', 'Enrol a machine without a browser.'],
      ['muster enroll --server https://inventory.example --invite-file invite.txt', 'The same, with an invite.'],
    ],
    load: async () => (await import('./commands/enroll.ts')).enroll,
  },
  {
    path: ['status'],
    summary: 'Show whether this device is approved.',
    description: ['Asks the server; where it cannot be reached, says what was last known.'],
    options: [{ name: 'watch', summary: 'Stay and print every change.' }, TCTI, STATE, JSON_OPTION],
    examples: [['muster status --json', 'For scripts: exit code 0 approved, 9 waiting, 6 refused, 7 not enrolled.']],
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    path: ['attest'],
    summary: 'Prove the hardware of this device again, now.',
    description: ['Certifies the device key and quotes the PCRs over a fresh challenge of the server.'],
    options: [
      {
        name: 'other-keys',
        summary: 'Also prove this TPM’s other endorsement keys: they become names of the same device.',
      },
      TCTI,
      STATE,
      JSON_OPTION,
    ],
    examples: [['muster attest --other-keys', 'For a team that goes over from RSA to ECC endorsement keys.']],
    load: async () => (await import('./commands/attest.ts')).attest,
  },
  {
    path: ['unenroll'],
    summary: 'End the enrolment of this device and forget its keys.',
    description: [
      'The server revokes the keys of this device and keeps its record, which then counts as not enrolled: an approval is withdrawn, so coming back needs an administrator again, and a refusal or a quarantine stays. Only an administrator deletes the record. The keys of this machine are removed.',
      'Where the saved state is damaged, or its keys belong to another TPM, it is removed all the same; the server cannot be told then.',
    ],
    options: [{ name: 'yes', summary: 'Do not ask.' }, TCTI, STATE, JSON_OPTION],
    examples: [],
    load: async () => (await import('./commands/unenroll.ts')).unenroll,
  },
  {
    path: ['identity'],
    summary: 'Show everything that an enrolment would send.',
    description: [
      'Everything that would be sent, and nothing that would not. Nothing is sent to the server by this command; the maker of the TPM is asked for a certificate only where IT set MakerCertificates.',
    ],
    options: [TCTI, JSON_OPTION],
    examples: [],
    load: async () => (await import('./commands/identity.ts')).identity,
  },
  {
    path: ['doctor'],
    summary: 'Check what an enrolment needs, and say how to repair it.',
    description: ['Each check is run for real. Exit code 10 when one fails.'],
    options: [SERVER, TCTI, STATE, JSON_OPTION],
    examples: [],
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    path: ['tpm'],
    summary: 'Print the EK URN of this device.',
    description: ['The permanent identifier of a device with a TPM 2.0.'],
    options: [{ name: 'fingerprint', summary: 'Print the EK URN and nothing else.' }, TCTI, JSON_OPTION],
    examples: [['muster tpm --fingerprint', 'urn:ek:sha256:…']],
    load: async () => (await import('./commands/tpmFingerprint.ts')).tpmFingerprint,
  },
  {
    path: ['tpm', 'info'],
    summary: 'Show what kind of TPM this is.',
    description: [],
    options: [TCTI, JSON_OPTION],
    examples: [],
    load: async () => (await import('./commands/tpmInfo.ts')).tpmInfo,
  },
  {
    path: ['tpm', 'ek'],
    summary: 'Show the endorsement keys and their certificates.',
    description: ['The first one names the device.'],
    options: [
      { name: 'all', summary: 'Also keys that no certificate names; takes a while on some TPMs.' },
      { name: 'pem', summary: 'Print certificates, or public keys where there is none, as PEM.' },
      TCTI,
      JSON_OPTION,
    ],
    examples: [['muster tpm ek --pem > ek.pem', 'Save the certificate of the endorsement key.']],
    load: async () => (await import('./commands/tpmEk.ts')).tpmEk,
  },
  {
    path: ['tpm', 'quote'],
    summary: 'Quote PCRs with a new attestation key.',
    description: [
      'Makes an attestation key and a device key, quotes the PCRs and prints everything that a verifier needs. The signature is over the binding of an enrolment, never over a bare nonce.',
    ],
    options: [
      { name: 'pcrs', value: 'LIST', summary: 'PCRs of the sha256 bank, such as 0-7 or 0,2,7 (default 0-7).' },
      { name: 'challenge', value: 'HEX', summary: 'Challenge to answer (default: 32 random bytes).' },
      { name: 'origin', value: 'URL', summary: 'Origin of the server to bind to (default https://localhost).' },
      { name: 'rsa', summary: 'Use an RSA attestation key instead of an ECC one.' },
      TCTI,
      JSON_OPTION,
    ],
    examples: [],
    load: async () => (await import('./commands/tpmQuote.ts')).tpmQuote,
  },
  {
    path: ['tpm', 'activate'],
    hidden: true,
    summary: 'Answer one activation with administrator rights; Muster runs this itself on Windows.',
    description: [],
    options: [
      { name: 'request', value: 'FILE', summary: 'The request.' },
      { name: 'answer', value: 'FILE', summary: 'The empty file for the answer.' },
      TCTI,
    ],
    examples: [],
    load: async () => (await import('./commands/tpmActivate.ts')).tpmActivate,
  },
  {
    path: ['service'],
    summary: 'Offer this machine’s TPM to the app, as the system service (Linux).',
    description: [
      'Listens on a local socket and offers the verbs of an enrolment, so that people need no right to the TPM itself; it also tells serial numbers that only root may read. It answers people’s accounts, root and the group muster, and lets one account enrol the machine. Uses this machine’s own TPM; there is no option for another one.',
      'The deb and rpm bring the unit muster-tpm.service, which runs it confined.',
    ],
    options: [{ name: 'socket', value: 'PATH', summary: 'Where to listen (default /run/muster/tpm.sock).' }, STATE],
    examples: [['sudo systemctl enable --now muster-tpm', 'Turn it on where it is installed.']],
    load: async () => (await import('./commands/service.ts')).service,
  },
  {
    path: ['service', 'release'],
    summary: 'Let another account enrol this machine.',
    description: [
      'The service lets one account enrol the machine. The account itself ends that with muster unenroll; root does it for an account that is gone. Nothing changes on the server.',
    ],
    options: [],
    examples: [],
    load: async () => (await import('./commands/service.ts')).serviceRelease,
  },
  {
    path: ['logs', 'bundle'],
    summary: 'Write diagnostics for your IT into one file.',
    description: ['Identifiers, addresses of people and secrets are taken out. Read the file before you send it.'],
    options: [
      { name: 'output', value: 'FILE', summary: 'The file to write (default: muster-diagnostics.json).' },
      SERVER,
      TCTI,
      STATE,
    ],
    examples: [],
    load: async () => (await import('./commands/logsBundle.ts')).logsBundle,
  },
  {
    path: ['completion'],
    summary: 'Print a completion script for a shell.',
    description: [],
    argument: { name: 'SHELL', choices: ['bash', 'zsh', 'fish', 'powershell'] },
    options: [],
    examples: [
      ['source <(muster completion bash)', 'Turn it on in this shell.'],
      ['muster completion powershell | Out-String | Invoke-Expression', 'The same in PowerShell.'],
    ],
    load: async () => (await import('./commands/completion.ts')).completion(COMMANDS),
  },
  {
    path: ['man'],
    summary: 'Print the manual page.',
    description: [],
    options: [],
    examples: [['muster man | man -l -', 'Read it.']],
    load: async () => (await import('./commands/man.ts')).man(COMMANDS),
  },
  {
    path: ['schema'],
    summary: 'Print the JSON Schema of a command’s --json output.',
    description: [],
    argument: { name: 'COMMAND', several: true },
    options: [],
    examples: [['muster schema tpm info', '']],
    load: async () => (await import('./commands/schema.ts')).schema,
  },
  ...SERVER_COMMAND_TABLE,
];
