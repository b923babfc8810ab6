import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const FOLDER = join(ROOT, '.work/interop');
/** Our own program over the libraries that deployed TPM clients are built on; its go.sum pins them. */
const JUDGE = { source: join(import.meta.dirname, 'go'), probe: 'github.com/google/go-attestation@v0.6.1' };

/** Stock programs, built unchanged. The version is said: what the module proxy calls latest is years old. */
const STOCK = {
  step: { module: 'github.com/smallstep/cli', command: 'cmd/step', version: 'v0.30.6' },
  'step-ca': { module: 'github.com/smallstep/certificates', command: 'cmd/step-ca', version: 'v0.30.2' },
} as const;

export type Tool = keyof typeof STOCK | 'judge';
const TOOLS: readonly Tool[] = ['judge', 'step', 'step-ca'];

const suffix = process.platform === 'win32' ? '.exe' : '';
const folderOf = (tool: Tool) => join(FOLDER, tool === 'judge' ? 'judge' : `${tool}@${STOCK[tool].version}`);
const pathOf = (tool: Tool) => join(folderOf(tool), `${tool}${suffix}`);

/** Where a tool stands, or undefined where it was not built: suites then skip by name. */
export function findTool(tool: Tool): string | undefined {
  return existsSync(pathOf(tool)) ? pathOf(tool) : undefined;
}

// Without cgo: step-ca's smart card support would ask for C headers that nothing here uses.
const environment = (more: Record<string, string> = {}) => ({ ...process.env, CGO_ENABLED: '0', ...more });

async function go(args: string[], options: { cwd?: string; env?: Record<string, string> } = {}): Promise<number> {
  const child = spawn('go', args, { cwd: options.cwd ?? FOLDER, env: environment(options.env), stdio: 'inherit' });
  // Minutes of compiling, the first time: whoever works at this machine goes first.
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  const [status] = (await once(child, 'exit')) as [number | null];
  return status ?? 1;
}

/** Whether the module can be had: from Go's cache or from the proxy. */
function reachable(module: string): boolean {
  return (
    spawnSync('go', ['mod', 'download', module], { cwd: FOLDER, env: environment(), stdio: 'ignore' }).status === 0
  );
}

/**
 * Builds what is missing. Answers the names of what could not be brought (no Go, no module proxy) and throws where a build itself fails.
 */
export async function buildTools(say: (line: string) => void): Promise<Tool[]> {
  mkdirSync(FOLDER, { recursive: true });
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) {
    say('Go is not installed here: nothing can be built.');
    return TOOLS.filter((tool) => !findTool(tool));
  }
  const absent: Tool[] = [];
  for (const tool of TOOLS) {
    if (tool !== 'judge' && findTool(tool)) continue;
    const name = tool === 'judge' ? JUDGE.probe : `${STOCK[tool].module}@${STOCK[tool].version}`;
    if (!reachable(name)) {
      say(`${name} cannot be had: the Go module proxy is not reachable.`);
      absent.push(tool);
      continue;
    }
    say(`Building ${tool} (${name}) …`);
    if ((await build(tool)) !== 0) throw new Error(`${tool} did not build.`);
  }
  return absent;
}

function build(tool: Tool): Promise<number> {
  if (tool === 'judge') return go(['build', '-trimpath', '-o', pathOf('judge'), '.'], { cwd: JUDGE.source });
  const { module, command, version } = STOCK[tool];
  return go(['install', '-trimpath', `${module}/${command}@${version}`], { env: { GOBIN: folderOf(tool) } });
}

/** A folder of the go-attestation release that the judge is built with: its test data are event logs and quotes of real machines. */
export function goAttestationFolder(): string {
  const listed = spawnSync('go', ['list', '-m', '-f', '{{.Dir}}', 'github.com/google/go-attestation'], {
    cwd: JUDGE.source,
    env: environment(),
  });
  return String(listed.stdout).trim();
}
