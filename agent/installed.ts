/** Entry of the installed command (dist/agent): code that was compiled once is kept beside it. */
import { main } from './main.ts';

await main();
