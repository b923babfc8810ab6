// npm start: brings what is missing, then runs the demo (demo/main.ts).
import { ensurePackages, ensureSystem, handOver } from './bootstrap.mjs';
import { forStart } from './systemPackages.mjs';

ensurePackages();
ensureSystem(forStart());
handOver('demo/main.ts', process.argv.slice(2));
