/** The inventory as a process of its own, so that a test can kill it: `node serverProcess.ts '<ServerOptions as JSON>'`. Says `ready`. */
import { createServer, type ServerOptions } from '../../server/index.ts';

const server = await createServer(JSON.parse(process.argv[2] ?? '{}') as ServerOptions);
process.stdout.write(`ready ${server.origin}\n`);
process.once('SIGTERM', () => void server.close());
