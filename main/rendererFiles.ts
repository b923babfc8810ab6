import { readFile, realpath } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';

export type RendererFile = { type: string; bytes: Uint8Array<ArrayBuffer> };

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/**
 * One file of the built window by the path of its address, or undefined. Containment is checked after links are resolved, so that neither
 * `..`, nor an encoded one, nor a symbolic link leads out of the folder. SECURITY: docs/security.md, row 18.
 */
export async function readRendererFile(folder: string, pathname: string): Promise<RendererFile | undefined> {
  const decoded = decode(pathname);
  if (decoded === undefined || decoded.includes('\0') || decoded.includes('\\')) return undefined;
  const type = TYPES[extname(decoded)];
  if (type === undefined) return undefined;
  try {
    const root = await realpath(folder);
    const path = await realpath(join(root, decoded));
    const inside = relative(root, path);
    if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`)) return undefined;
    return { type, bytes: new Uint8Array(await readFile(path)) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && MISSING.has(String(error.code))) return undefined;
    throw error;
  }
}

const MISSING = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'ELOOP']);

function decode(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname === '/' ? '/index.html' : pathname);
  } catch {
    return undefined;
  }
}
