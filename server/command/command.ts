import { Email } from '../../contract/index.ts';
import { loadIssuers } from '../attestation/issuers.ts';
import { createRoots } from '../attestation/roots.ts';
import { importVendorRoots, type RootsReport, updateVendorRoots } from '../attestation/vendorRoots.ts';
import { callbackUrl, createServer, type ServerOptions } from '../createServer.ts';
import { verificationOf } from '../devices/evidenceRoutes.ts';
import { ServerError } from '../error.ts';
import { openKeyEncryptionKey, rotateIssuers, rotateKeyEncryptionKey, rotateSignInKeys } from '../keys/rotation.ts';
import { createAdministrator } from '../setUp.ts';
import { newSetupSecret } from '../store/firstOwner.ts';
import { takeLease } from '../store/lease.ts';
import { openStore, type Store } from '../store/store.ts';
import { connectFile, type MdmWork, syncMdm } from './mdm.ts';
import { openApiDocument } from './openApiDocument.ts';
import { assertStore, consoleOf, LOG_LEVELS, mailServerIn, portOf, proxiesOf } from './options.ts';
import { writeProfile } from './profile.ts';
import { contentOf, oneOf, required, type ServerValues } from './values.ts';

/** What the commands of `muster server` may touch of the process. */
export type ServerIo = {
  out(text: string): void;
  err(text: string): void;
  signal: AbortSignal;
  environment: NodeJS.ProcessEnv;
};

/** The verbs after `muster server`; each answers whether all is well. Errors: {@link ServerError}. */
export const SERVER_COMMANDS = {
  serve,
  openapi: async (_values: ServerValues, io: ServerIo) => {
    io.out(`${await openApiDocument()}\n`);
    return true;
  },
  'verify-evidence': verifyStoredEvidence,
  'rotate-keys': rotateKeys,
  'roots update': (values: ServerValues, io: ServerIo) =>
    withStore(values, async (store) => tellRoots(io, await updateVendorRoots(store, Date.now()))),
  'roots import': (values: ServerValues, io: ServerIo) =>
    withStore(values, async (store) =>
      tellRoots(io, await importVendorRoots(store, Date.now(), required(values, 'from'))),
    ),
  'set-role': setRole,
  profile: async (values: ServerValues, io: ServerIo) => {
    io.err(`${await writeProfile(values, new Date())} is written.\n`);
    return true;
  },
  'mdm connect': (values: ServerValues, io: ServerIo) =>
    withMdm(values, io, (work) =>
      connectFile(work, {
        source: required(values, 'source'),
        file: required(values, 'file'),
        name: values.get('name'),
      }),
    ),
  sync: (values: ServerValues, io: ServerIo) =>
    withMdm(assertStore(values), io, (work) =>
      syncMdm(work, { only: values.get('only'), full: oneOf(values, 'run', ['due', 'full']) === 'full' }),
    ),
} as const satisfies Record<string, (values: ServerValues, io: ServerIo) => Promise<boolean>>;
export type ServerCommand = keyof typeof SERVER_COMMANDS;

/** Runs the inventory until the signal. */
async function serve(values: ServerValues, io: ServerIo): Promise<boolean> {
  const server = await createServer({
    store: required(values, 'store'),
    demo: false,
    ...(values.get('origin') === undefined ? {} : { origin: required(values, 'origin') }),
    ...(values.get('host') === undefined ? {} : { host: required(values, 'host') }),
    ...portOf(values.get('port') ?? '8420'),
    ...(await consoleOf(values)),
    ...proxiesOf(values.get('trust-proxy')),
    ...(await identityProviderOf(values)),
    ...(await mailOf(values)),
    logger: {
      level: oneOf(values, 'log-level', LOG_LEVELS),
      redact: ['req.headers.authorization', 'req.headers.cookie', 'req.headers.dpop'],
      // Queries carry codes of sign-ins and identifiers of devices.
      serializers: {
        req: ({ method, url, ip }: { method: string; url: string; ip: string }) => ({
          method,
          url: url.split('?', 1)[0],
          remoteAddress: ip,
        }),
      },
    },
  });
  try {
    io.err(`Muster serves ${server.origin}\n`);
    if (server.context.upstream)
      io.err(`The identity provider must know this redirect address: ${callbackUrl(server.origin)}\n`);
    else io.err('No identity provider is connected yet: give --issuer, --client-id and --client-secret-file.\n');
    const secret = await newSetupSecret(server.store, Date.now());
    if (secret) io.err(`First run: name the first owner at ${server.origin}/setup#${secret} (one day, once).\n`);
    const roots = await server.context.roots.trust();
    if (roots.roots.size === 0) {
      io.err('No TPM vendor is trusted yet, so no device can be high-assurance: run muster server roots update.\n');
    }
    await new Promise<void>((resolve) => {
      if (io.signal.aborted) resolve();
      else io.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    await server.close();
  }
  return true;
}

/** The mail server's address may hold a password, so it stands in a file. */
async function mailOf(values: ServerValues): Promise<Pick<ServerOptions, 'mail'>> {
  const [file, from] = [values.get('smtp-file'), values.get('mail-from')];
  if (file === undefined && from === undefined) return {};
  const smtp = file === undefined ? {} : { smtp: mailServerIn((await contentOf(file)).toString('utf8').trim(), file) };
  return { mail: { ...smtp, ...(from === undefined ? {} : { from }) } };
}

async function identityProviderOf(values: ServerValues): Promise<Pick<ServerOptions, 'identityProvider'>> {
  if (values.get('issuer') === undefined) return {};
  const secret = (await contentOf(required(values, 'client-secret-file'))).toString('utf8').trim();
  return {
    identityProvider: {
      issuer: required(values, 'issuer'),
      clientId: required(values, 'client-id'),
      clientSecret: secret,
    },
  };
}

/** Opens a production store for one command; refused while a server runs on it. */
async function withStore(values: ServerValues, work: (store: Store) => Promise<boolean>): Promise<boolean> {
  const store = await openStore(required(values, 'store'), 'production', Date.now());
  try {
    const release = await takeLease(store, Date.now);
    try {
      return await work(store);
    } finally {
      await release();
    }
  } finally {
    await store.close();
  }
}

/** Opens the store with its key, for the MDM commands. */
async function withMdm(values: ServerValues, io: ServerIo, run: (work: MdmWork) => Promise<boolean>): Promise<boolean> {
  return withStore(values, async (store) => {
    const kek = await openKeyEncryptionKey(store, required(values, 'store'), io.environment);
    return run({ store, kek, io });
  });
}

/** Judges stored evidence by today's rules: one line for each, and false where one that held no longer does. */
async function verifyStoredEvidence(values: ServerValues, io: ServerIo): Promise<boolean> {
  return withStore(assertStore(values), async (store) => {
    const kek = await openKeyEncryptionKey(store, required(values, 'store'), io.environment);
    const issuers = await loadIssuers(store, kek, Date.now());
    const context = { roots: createRoots(store.db), issuers, appleRoots: undefined };
    const id = values.get('id');
    let query = store.db.selectFrom('evidence').select('id').orderBy('id');
    if (id !== undefined) query = query.where((eb) => eb.or([eb('id', '=', id), eb('device_id', '=', id)]));
    const ids = await query.execute();
    if (id !== undefined && ids.length === 0)
      throw new ServerError('not-found', `There is no evidence or device ${id}.`);
    let good = true;
    for (const row of ids) {
      const evidence = await store.db
        .selectFrom('evidence')
        .selectAll()
        .where('id', '=', row.id)
        .executeTakeFirstOrThrow();
      const result = await verificationOf(context, evidence);
      const lapsed = result.stored === 'valid' && result.outcome === 'failed';
      if (
        lapsed ||
        (result.ekClassThen !== null && result.outcome === 'valid' && result.ekClassThen !== result.ekClass)
      )
        good = false;
      io.out(`${JSON.stringify(result)}\n`);
    }
    return good;
  });
}

/** `--what sealing` (the key-encryption key), `issuing` (the attestation authorities), `sign-in`, or all of them. */
async function rotateKeys(values: ServerValues, io: ServerIo): Promise<boolean> {
  const what = oneOf(values, 'what', ['all', 'sealing', 'issuing', 'sign-in']);
  const folder = required(values, 'store');
  return withStore(assertStore(values), async (store) => {
    const now = Date.now();
    if (what === 'issuing' || what === 'all') {
      await rotateIssuers(store, await openKeyEncryptionKey(store, folder, io.environment), now);
      io.err(
        'The attestation authorities have new issuing keys; certificates issued before stay good until they expire.\n',
      );
    }
    if (what === 'sign-in' || what === 'all') {
      await rotateSignInKeys(store, now);
      io.err('The keys of the sign-in are new; sign-ins under way start over.\n');
    }
    if (what === 'sealing' || what === 'all') {
      const count = await rotateKeyEncryptionKey(store, folder, now, io.environment);
      io.err(
        `${count} keys are sealed under a new key-encryption key. Keep a copy of it apart from the store's backups.\n`,
      );
    }
    return true;
  });
}

async function setRole(values: ServerValues, io: ServerIo): Promise<boolean> {
  const role = oneOf(values, 'role', ['owner', 'approver', 'auditor']);
  const email = required(values, 'email');
  if (!Email.safeParse(email).success)
    throw new ServerError('configuration', `${email} is not the address of a person, such as ada@example.com.`);
  return withStore(values, async (store) => {
    await createAdministrator(store, { email, role });
    io.err(`${email} is ${role} from the next sign-in on.\n`);
    return true;
  });
}

function tellRoots(io: ServerIo, report: RootsReport): boolean {
  for (const { from, why } of report.refused) io.err(`Not taken: ${from}: ${why}\n`);
  io.out(
    `${report.added} vendor certificates added, ${report.known} known already, ${report.refused.length} not taken.\n`,
  );
  return report.added + report.known > 0;
}
