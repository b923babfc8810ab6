import type { MachineReport } from '../../contract/index.ts';
import { aReport } from '../../contract/testing/fixtures.ts';
import { systemClock } from '../node/clock.ts';
import { silentLogger } from '../node/logger.ts';
import type { ClaimSigner, Clock, HardwareIdentity, Ports, StateStore } from '../ports.ts';

/** A store in memory; `values` is what a killed process would find again. */
export function memoryStore(initial: Iterable<[string, string]> = []): StateStore & { values: Map<string, string> } {
  const values = new Map(initial);
  return {
    values,
    read: async (name) => values.get(name),
    write: async (name, value) => void values.set(name, value),
    remove: async (name) => void values.delete(name),
  };
}

/** The system's clock with short pauses made shorter still, so that backoff is real but quick. */
export function hastyClock(): Clock & { pauses: number[] } {
  const pauses: number[] = [];
  return {
    ...systemClock,
    pauses,
    sleep(ms, signal) {
      pauses.push(ms);
      return systemClock.sleep(ms > 20_000 ? ms : Math.min(ms / 50, 40), signal);
    },
  };
}

/** A machine without a TPM; its signer holds a real key. */
export function claimHardware(
  signer: ClaimSigner,
  report: MachineReport = aReport({ os: 'macOS', serial: { value: 'C02XYZ123' } }),
): HardwareIdentity {
  return { readMachine: async () => report, hardware: async () => ({ kind: 'claim', signer }) };
}

export function testPorts(hardware: HardwareIdentity, change: Partial<Ports> = {}): Ports {
  return {
    hardware,
    browser: { open: () => Promise.reject(new Error('no browser in this test')) },
    store: memoryStore(),
    clock: hastyClock(),
    log: silentLogger,
    fetch: globalThis.fetch,
    ...change,
  };
}

/** Waits for a condition that events bring about. */
export async function until(condition: () => boolean, what: string, ms = 30_000): Promise<void> {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}
