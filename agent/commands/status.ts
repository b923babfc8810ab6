import type { AppSnapshot } from '../../contract/index.ts';
import type { Handler } from '../command.ts';
import { composePorts } from '../compose.ts';
import { deviceLine, exitOfDevice, printDevice } from '../describeDevice.ts';
import { readEnrollment, withEnrolled } from '../enrolled.ts';
import { EXIT } from '../exitCodes.ts';

export const status: Handler = async (values, context) => {
  const ports = composePorts(values, context);
  const json = values.flags.has('json');
  if (!(await readEnrollment(ports))) {
    if (json) context.out(`${JSON.stringify({ enrolled: false, server: null, online: false, device: null })}\n`);
    else context.out('This device is not enrolled.\n');
    return EXIT.notEnrolled;
  }
  return withEnrolled(ports, context, async (app, record) => {
    if (values.flags.has('watch')) return watch();
    const online = await app.bridge.invoke('refresh', {}).then(
      () => true,
      (error: unknown) => {
        context.err(`muster: the server did not answer (${error instanceof Error ? error.message : String(error)})\n`);
        return false;
      },
    );
    const { state } = await app.bridge.invoke('snapshot', {});
    const device = state.kind === 'enrolled' ? state.device : record.device;
    if (json) context.out(`${JSON.stringify({ enrolled: true, server: record.origin, online, device })}\n`);
    else {
      if (!online) context.out(`Last known at ${record.seenAt}:\n`);
      printDevice(context, device);
    }
    return exitOfDevice(device);

    function watch(): Promise<never> {
      let last = '';
      const show = ({ state: now, connection }: AppSnapshot) => {
        if (now.kind !== 'enrolled') return;
        const is = connection.kind === 'online';
        const line = json
          ? JSON.stringify({ enrolled: true, server: record.origin, online: is, device: now.device })
          : `${deviceLine(now.device)}${is ? '' : ' (offline)'}`;
        if (line !== last) context.out(`${json ? '' : `${new Date().toISOString()}  `}${line}\n`);
        last = line;
      };
      app.bridge.subscribe(show);
      void app.bridge.invoke('snapshot', {}).then(show);
      // Ends by interruption, which the caller turns into an error.
      return new Promise(() => undefined);
    }
  });
};
