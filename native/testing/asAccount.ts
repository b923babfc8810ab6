/**
 * Asks the service as another account: `node asAccount.ts SOCKET OWNER UID GROUPS VERBS`. Starts as root, so that it can read the checkout
 * wherever that is, and connects as UID. Prints a JSON array: what each verb answered, or the code of its error.
 */
import { isNativeError } from '../errors.ts';
import { connectTpmService, type TpmServiceClient } from '../service/client.ts';

type Request = [verb: Exclude<keyof TpmServiceClient, 'kind'>, ...args: unknown[]];

const [path = '', owner = '', uid = '', groups = '', verbs = '[]'] = process.argv.slice(2);
process.setgroups?.(groups === '' ? [] : groups.split(',').map(Number));
process.setgid?.(Number(uid));
process.setuid?.(Number(uid));

const answers: unknown[] = [];
const attempt = async (run: () => Promise<unknown>) => {
  try {
    answers.push(await run());
  } catch (error) {
    if (!isNativeError(error)) throw error;
    answers.push({ code: error.code, message: error.message });
  }
};
const service = await connectTpmService(path, Number(owner));
if (!service) answers.push('no service');
else {
  for (const [verb, ...args] of JSON.parse(verbs) as Request[]) {
    const ask = service[verb] as (...args: unknown[]) => Promise<unknown>;
    await attempt(() => ask(...args));
  }
  await service.close();
}
process.stdout.write(JSON.stringify(answers));
