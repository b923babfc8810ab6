import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERRORS } from '../../contract/index.ts';
import { ServerError } from '../error.ts';
import type { Context } from '../http/context.ts';
import { openCeremony } from '../store/ceremonies.ts';
import type { CeremonyRow, UserRow } from '../store/schema.ts';
import { findUser } from '../store/users.ts';

type Provider = Context['provider'];
export type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;
type Result = Parameters<Provider['interactionFinished']>[2];

/** One step of the server's own authorization server that waits for a person, and the ceremony that it is about. */
export function createInteractions({ store, now, provider }: Pick<Context, 'store' | 'now' | 'provider'>) {
  /** The one that this browser is in. Error: `ceremony-expired`. */
  const of = async (request: FastifyRequest, reply: FastifyReply): Promise<Interaction> => {
    try {
      return await provider.interactionDetails(request.raw, reply.raw);
    } catch (cause) {
      throw new ServerError('ceremony-expired', ERRORS['ceremony-expired'][1], { cause });
    }
  };

  /** Hands the browser back to the authorization server, which answers on the raw response. */
  const finish = async (request: FastifyRequest, reply: FastifyReply, result: Result): Promise<FastifyReply> => {
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value);
    reply.hijack();
    await provider.interactionFinished(request.raw, reply.raw, result, { mergeWithLastSubmission: true });
    return reply;
  };
  /** Ends the sign-in with a code of the contract, which reaches the client as `error_description`. */
  const giveUp = async (request: FastifyRequest, reply: FastifyReply, code: string): Promise<FastifyReply> =>
    finish(request, reply, { error: 'access_denied', error_description: code });

  const ceremonyInAnyState = async (interaction: Interaction): Promise<CeremonyRow | undefined> => {
    const ceremony = await openCeremony(store.db, now(), String(interaction.params.ceremony));
    const jkt = interaction.params.dpop_jkt;
    // Whoever starts the sign-in must hold the key that the ceremony announced.
    return jkt === undefined || jkt === ceremony?.key_thumbprint ? ceremony : undefined;
  };
  const ceremonyOf = async (interaction: Interaction): Promise<CeremonyRow | undefined> => {
    const ceremony = await ceremonyInAnyState(interaction);
    return ceremony?.state === 'announced' ? ceremony : undefined;
  };

  /** Who signed in for it. */
  const personOf = async (interaction: Interaction): Promise<UserRow | undefined> => {
    const id = interaction.session?.accountId;
    return id === undefined ? undefined : findUser(store.db, id);
  };

  /** A second click sends the same answer again: the person who gave it gets the same result, and nothing is decided twice. */
  const decidedBefore = async (
    interaction: Interaction,
    user: UserRow | undefined,
    accepted: boolean,
  ): Promise<Result | undefined> => {
    const ceremony = await ceremonyInAnyState(interaction);
    if (!user || ceremony?.user_id !== user.id || interaction.prompt.name !== 'consent') return undefined;
    if (ceremony.state === 'confirmed' && accepted && ceremony.oidc_grant_id !== null) {
      return { consent: { grantId: ceremony.oidc_grant_id } };
    }
    if (ceremony.state !== 'refused' || accepted) return undefined;
    return { error: 'access_denied', error_description: 'sign-in-cancelled' };
  };

  return { of, finish, giveUp, ceremonyOf, personOf, decidedBefore };
}
