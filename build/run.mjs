// node build/run.mjs SCRIPT.ts [ARG …]: runs a script of this checkout under Node 24.
import { ensurePackages, handOver } from './bootstrap.mjs';

const [script, ...args] = process.argv.slice(2);
ensurePackages();
handOver(script, args);
