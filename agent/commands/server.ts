import { SERVER_COMMANDS, type ServerCommand, ServerError } from '../../server/index.ts';
import { type Handler, UsageError } from '../command.ts';
import { EXIT } from '../exitCodes.ts';

/** The verbs of `muster server`: options become a map, where a word behind the command stands for the option `argument`. */
export function serverCommand(name: ServerCommand, argument?: string): Handler {
  return async (values, context) => {
    const { out, err, signal } = context;
    const [word] = values.rest;
    const texts = new Map(values.texts);
    if (argument !== undefined && word !== undefined) {
      if (texts.has(argument)) throw new UsageError(`Give "${word}" or --${argument}, not both.`);
      texts.set(argument, word);
    }
    try {
      const good = await SERVER_COMMANDS[name](texts, { out, err, signal, environment: process.env });
      return good ? EXIT.ok : EXIT.checkFailed;
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      if (error.code === 'configuration' || error.code === 'not-found' || error.code === 'port-in-use')
        throw new UsageError(
          error.message,
          `muster server${name === 'serve' ? '' : ` ${name}`} --help explains its options.`,
        );
      err(`muster: ${error.message}\n`);
      return EXIT.state;
    }
  };
}
