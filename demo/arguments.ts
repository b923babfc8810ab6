import { parseArgs } from 'node:util';
import { DemoFailure } from './failure.ts';

export const USAGE = `npm start [-- OPTION …]
Runs the whole of Muster on this machine for a look: inventory, demo identity provider, TPM, admin console and window.

  --once                      enrol and approve one device without a person or a window, print one JSON line, and end
  --no-accept-software-tpm    do not let the demo's software TPM count as high-assurance (the policy of every real server)
  --state DIR                 where everything is kept (default: .muster/)
  --port N                    port of the inventory (default: a free one, kept between runs)
  --help                      this text`;

export type DemoArguments = {
  once: boolean;
  acceptSoftwareTpm: boolean;
  state: string | undefined;
  port: number | undefined;
  help: boolean;
};

export function readArguments(args: string[]): DemoArguments {
  try {
    const { values } = parseArgs({
      args,
      options: {
        once: { type: 'boolean', default: false },
        'accept-software-tpm': { type: 'boolean', default: true },
        state: { type: 'string' },
        port: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
      allowNegative: true,
    });
    return {
      once: values.once,
      acceptSoftwareTpm: values['accept-software-tpm'],
      state: values.state,
      port: readPort(values.port),
      help: values.help,
    };
  } catch (error) {
    if (error instanceof DemoFailure) throw error;
    throw new DemoFailure('usage', (error as Error).message, 'Run npm start -- --help for the options.', {
      cause: error,
    });
  }
}

function readPort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new DemoFailure('usage', `--port ${text} is not a port number.`, 'Use a number from 1 to 65535.');
}
