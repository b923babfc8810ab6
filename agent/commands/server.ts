import { SERVER_COMMANDS, type ServerCommand, ServerError } from '../../server/index.ts';
import type { Handler } from '../command.ts';
import { EXIT } from '../exitCodes.ts';

/** The verbs of `muster server`: options become a map, the rest is the server's own. */
export function serverCommand(name: ServerCommand): Handler {
  return async (values, context) => {
    const { out, err, signal } = context;
    const [id] = values.rest;
    const texts = new Map([...values.texts, ...(id === undefined ? [] : [['id', id] as const])]);
    try {
      const good = await SERVER_COMMANDS[name](texts, { out, err, signal, environment: process.env });
      return good ? EXIT.ok : EXIT.checkFailed;
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      err(`muster: ${error.message}\n`);
      return EXIT.state;
    }
  };
}
