import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { AppError } from '../app/errors.ts';
import { serverOrigin } from '../app/serverUrl.ts';
import { type InviteSource, needsInvite } from '../app/signIn.ts';
import { type Context, UsageError, type Values } from './command.ts';
import { readSecretFile } from './secretFile.ts';

export type Invite = {
  source: InviteSource;
  /** Whether one went to the server: nothing is left to open in a browser then. */
  sent(): boolean;
};

const LINK = /^(?:(https?:\/\/[^\s#]{1,512})\/invite)?#?(muster_invite_[A-Za-z0-9_]{16,128})$/;

/**
 * The invite of an enrolment: from a file, or pasted where somebody sits at a terminal and the server lets nobody enrol without one. Never
 * from the arguments, which other programs can read. Kept in memory only, and asked for once.
 */
export function inviteFrom(values: Values, context: Context, serverUrl: string): Invite {
  const file = values.texts.get('invite-file');
  let invite = file === undefined ? undefined : fromFile(file, serverUrl);
  let asked = invite !== undefined;
  return {
    source: async (server, signal) => {
      if (!asked && needsInvite(server) && process.stdin.isTTY === true) {
        asked = true;
        invite = await ask(context, serverUrl, signal);
      }
      return invite;
    },
    sent: () => invite !== undefined,
  };
}

function fromFile(file: string, serverUrl: string): string {
  const text = readSecretFile(file, 'invite', { ownerOnly: true });
  const invite = readInvite(text, serverUrl);
  if (invite === undefined) throw new UsageError('The file does not hold an invite, nor the link of one.');
  return invite;
}

/** The secret in a text that is an invite or its link; undefined for anything else. A link of another server is refused. */
export function readInvite(text: string, serverUrl: string): string | undefined {
  const [, link, secret] = LINK.exec(text.trim()) ?? [];
  if (link !== undefined && URL.parse(link)?.origin !== serverOrigin(serverUrl)) {
    throw new UsageError(`This invite is for another server than ${serverUrl}.`);
  }
  return secret;
}

async function ask(context: Context, serverUrl: string, signal: AbortSignal): Promise<string | undefined> {
  context.err('This team enrols by invite. Paste your invite or its link; it is not shown.\n');
  for (;;) {
    const text = await hiddenLine(context, 'Invite (Enter: I opened it in the browser): ', signal);
    if (text === '') return undefined;
    const invite = readInvite(text, serverUrl);
    if (invite !== undefined) return invite;
    context.err('That is neither an invite nor the link of one.\n');
  }
}

/** One line from the terminal, which shows nothing of it: what is typed after the question, and before. */
async function hiddenLine(context: Context, question: string, signal: AbortSignal): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 });
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  // The terminal is in raw mode: an interruption is a key here, and an end of input closes the prompt.
  const stop = () => reject(new AppError('sign-in-cancelled', 'Interrupted.'));
  prompt.once('SIGINT', stop);
  prompt.once('close', stop);
  // Only now: the terminal shows nothing any more.
  context.err(question);
  try {
    return (await Promise.race([prompt.question('', { signal }), interrupted])).trim();
  } finally {
    prompt.off('close', stop);
    prompt.close();
    context.err('\n');
  }
}
