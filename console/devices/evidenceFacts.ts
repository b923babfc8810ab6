import type { Evidence, EvidenceSummary } from '../../contract/evidence.ts';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, name) => (isRecord(inner) ? inner[name] : undefined), value);

/** What was said of it when it came: stored as it was then, so that nothing of it is taken for granted. */
export type Verdict = {
  reasons: readonly string[];
  ekClass: string | null;
  secureBoot: 'on' | 'off' | 'unknown' | null;
  code: string | null;
};

export function verdictOf({ verdict }: Pick<EvidenceSummary, 'verdict'>): Verdict {
  const { reasons, ekClass, secureBoot, code } = verdict;
  return {
    reasons: Array.isArray(reasons) ? reasons.filter((one): one is string => typeof one === 'string') : [],
    ekClass: typeof ekClass === 'string' ? ekClass : null,
    secureBoot: secureBoot === 'on' || secureBoot === 'off' || secureBoot === 'unknown' ? secureBoot : null,
    code: typeof code === 'string' ? code : null,
  };
}

/** The quoted registers of the sha256 bank, in hexadecimal. */
export function pcrsOf({ bytes }: Pick<Evidence, 'bytes'>): { index: number; value: string }[] {
  const pcrs = at(bytes, 'received', 'quote', 'pcrs');
  if (!Array.isArray(pcrs)) return [];
  return pcrs.flatMap((one: unknown) => {
    const [index, value] = [at(one, 'index'), at(one, 'value')];
    return typeof index === 'number' && typeof value === 'string' ? [{ index, value: hexOf(value) }] : [];
  });
}

function hexOf(base64: string): string {
  try {
    return [...atob(base64)].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  } catch {
    return base64;
  }
}

const textAt = (value: unknown, ...path: readonly string[]): string | null => {
  const found = at(value, ...path);
  return typeof found === 'string' && found !== '' ? found : null;
};

/** What the machine said of itself when it attested. */
export function machineOf({ bytes }: Pick<Evidence, 'bytes'>): { serial: string | null; system: string | null } {
  const system = [textAt(bytes, 'machine', 'os'), textAt(bytes, 'machine', 'osVersion')].filter(Boolean).join(' ');
  return { serial: textAt(bytes, 'machine', 'serial', 'value'), system: system || null };
}

/** Every certificate among the bytes as PEM, in the order in which they are listed. */
export function pemOf({ bytes }: Pick<Evidence, 'bytes'>): string {
  const chains = [
    at(bytes, 'endorsement', 'ekCertificates'),
    at(bytes, 'received', 'akChain'),
    at(bytes, 'chain'),
    at(bytes, 'path'),
  ];
  return chains
    .flatMap((chain) => (Array.isArray(chain) ? chain : []))
    .filter((one): one is string => typeof one === 'string')
    .map((der) => `-----BEGIN CERTIFICATE-----\n${der.match(/.{1,64}/g)?.join('\n')}\n-----END CERTIFICATE-----\n`)
    .join('');
}

/** Hands a file to the browser without asking the server for it. */
export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
