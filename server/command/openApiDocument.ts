import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from '../createServer.ts';

/** The OpenAPI 3.1 document of this version, from the very routes that it serves: a server is made on an empty store for it. */
export async function openApiDocument(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'muster-openapi-'));
  try {
    const server = await createServer({ store: folder, demo: false });
    try {
      const document = server.app.swagger() as unknown as Record<string, unknown>;
      // Which server was asked says nothing about the interface.
      return JSON.stringify({ ...document, servers: [{ url: '/' }] }, null, 1);
    } finally {
      await server.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
