import type { Command } from './command.ts';

const STORE = { name: 'store', value: 'FOLDER', summary: 'Folder of the inventory’s store.' } as const;

/** Running an inventory; the server’s code is loaded by these commands only. */
export const SERVER_COMMAND_TABLE: readonly Command[] = [
  {
    path: ['server'],
    summary: 'Run an inventory server.',
    description: [
      'Serves API, sign-in and console until it is interrupted. Put a TLS proxy in front of it and give its address as --origin. The first start prints a link that names the first owner.',
      'A store of the demo is refused. The keys of the server are sealed with the key in key-encryption.key beside the store, or in MUSTER_KEY_ENCRYPTION_KEY.',
    ],
    options: [
      STORE,
      { name: 'origin', value: 'URL', summary: 'Public address, such as https://inventory.example.' },
      { name: 'host', value: 'ADDRESS', summary: 'Address to listen on (default 127.0.0.1).' },
      { name: 'port', value: 'N', summary: 'Port to listen on (default 8420).' },
      { name: 'console', value: 'FOLDER', summary: 'The built console, where it is to be served.' },
      { name: 'issuer', value: 'URL', summary: 'Identity provider of your organization.' },
      { name: 'client-id', value: 'ID', summary: 'Client of this server at the identity provider.' },
      { name: 'client-secret-file', value: 'FILE', summary: 'File with the secret of that client.' },
      {
        name: 'smtp-file',
        value: 'FILE',
        summary: 'File with the address of the mail server: smtps://user:password@host.',
      },
      { name: 'mail-from', value: 'ADDRESS', summary: 'Sender of invites.' },
      { name: 'trust-proxy', value: 'ADDRESSES', summary: 'Proxies whose X-Forwarded-For is believed, by comma.' },
      { name: 'log-level', value: 'LEVEL', summary: 'debug, info (default), warn, error or silent.' },
    ],
    examples: [['muster server --store /var/lib/muster --origin https://inventory.example', 'Behind a TLS proxy.']],
    load: async () => (await import('./commands/server.ts')).serverCommand('serve'),
  },
  {
    path: ['server', 'openapi'],
    summary: 'Print the OpenAPI document of the inventory’s API.',
    description: [],
    options: [],
    examples: [],
    load: async () => (await import('./commands/server.ts')).serverCommand('openapi'),
  },
  {
    path: ['server', 'verify-evidence'],
    summary: 'Judge stored evidence by today’s rules and roots.',
    description: [
      'One line of JSON for each attestation. Exit code 10 where one that held no longer does, or its class changed. The server must not run.',
    ],
    argument: { name: 'ID', optional: true },
    options: [STORE, { name: 'id', value: 'ID', summary: 'Only this evidence, or that of this device.' }],
    examples: [],
    load: async () => (await import('./commands/server.ts')).serverCommand('verify-evidence', 'id'),
  },
  {
    path: ['server', 'rotate-keys'],
    summary: 'Make new keys for the server.',
    description: ['The server must not run. Roots of the attestation authorities stay: they are what others trust.'],
    options: [STORE, { name: 'what', value: 'KEYS', summary: 'sealing, issuing, sign-in or all (default).' }],
    examples: [],
    load: async () => (await import('./commands/server.ts')).serverCommand('rotate-keys'),
  },
  {
    path: ['server', 'roots', 'update'],
    summary: 'Fetch the certificates of TPM vendors.',
    description: ['From where the vendors publish them; only bytes with the SHA-256 that Muster ships are taken.'],
    options: [STORE],
    examples: [],
    load: async () => (await import('./commands/server.ts')).serverCommand('roots update'),
  },
  {
    path: ['server', 'roots', 'import'],
    summary: 'Take the certificates of TPM vendors from files.',
    description: ['For servers without a way out. The same check of SHA-256 holds.'],
    argument: { name: 'FILE', optional: true },
    options: [STORE, { name: 'from', value: 'PATH', summary: 'File or folder with certificates, DER or PEM.' }],
    examples: [],
    load: async () => (await import('./commands/server.ts')).serverCommand('roots import', 'from'),
  },
  {
    path: ['server', 'set-role'],
    summary: 'Give a person a role in the inventory.',
    description: ['By the address that they sign in with. The server must not run.'],
    options: [
      STORE,
      { name: 'email', value: 'ADDRESS', summary: 'Address of the person.' },
      { name: 'role', value: 'ROLE', summary: 'owner (default), approver or auditor.' },
    ],
    examples: [],
    load: async () => (await import('./commands/server.ts')).serverCommand('set-role'),
  },
  {
    path: ['server', 'mdm', 'connect'],
    summary: 'Connect a list of devices as an MDM.',
    description: [
      'A JSON file with an array of devices, for inventories that can only export. The server must not run.',
    ],
    options: [
      STORE,
      { name: 'source', value: 'SOURCE', summary: 'Which MDM the list comes from, such as Jamf.' },
      { name: 'file', value: 'FILE', summary: 'The list.' },
      { name: 'name', value: 'NAME', summary: 'Name of the connection (default: the source).' },
    ],
    examples: [
      [
        'muster server mdm connect --store /var/lib/muster --source Jamf --file devices.json',
        'Then: muster server sync.',
      ],
    ],
    load: async () => (await import('./commands/server.ts')).serverCommand('mdm connect'),
  },
  {
    path: ['server', 'sync'],
    summary: 'Bring what the connected MDMs list into the inventory.',
    description: [
      'One line of JSON for each connection. Devices that the MDM no longer lists are noticed by a full run. A running server does this by itself every hour; for this command it must not run.',
    ],
    options: [
      STORE,
      { name: 'only', value: 'NAME', summary: 'Only this connection.' },
      { name: 'run', value: 'RUN', summary: 'full, or due (default): full where eight hours have passed.' },
    ],
    examples: [],
    load: async () => (await import('./commands/server.ts')).serverCommand('sync'),
  },
  {
    path: ['server', 'profile'],
    summary: 'Make the configuration profile that sets Muster up on Macs.',
    description: [
      'Writes a .mobileconfig. With --sign it is signed by the RSA key of a PKCS#12 file, whose password stands in a file of its own.',
    ],
    options: [
      {
        name: 'settings',
        value: 'FILE',
        summary: 'JSON object with the settings, named as in docs/deploy/settings.md.',
      },
      { name: 'organization', value: 'NAME', summary: 'Whose profile it is, as Macs show it.' },
      { name: 'sign', value: 'FILE.p12', summary: 'Key and certificates that sign it.' },
      { name: 'password-file', value: 'FILE', summary: 'File with the password of that key (default: none).' },
      { name: 'out', value: 'FILE', summary: 'Where the profile goes.' },
    ],
    examples: [
      [
        'muster server profile --settings mac.json --organization Example --out muster.mobileconfig',
        'Upload the result to your MDM.',
      ],
    ],
    load: async () => (await import('./commands/server.ts')).serverCommand('profile'),
  },
];
