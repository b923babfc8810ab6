import type { SafeStorage } from 'electron';
import { AppError, type StateStore } from '../app/index.ts';

const PREFIX = 'sealed:';

/**
 * A store whose secret values are sealed by the platform (Keychain, DPAPI, Secret Service) before they reach `files`. Where Linux offers only
 * obfuscation ("basic_text"), secrets are refused, never written in plain: `secret-store-unsafe`. SECURITY: docs/security.md, "Secrets".
 */
export function createSecretStore(
  files: StateStore,
  safeStorage: Pick<
    SafeStorage,
    'isAsyncEncryptionAvailable' | 'encryptStringAsync' | 'decryptStringAsync' | 'getSelectedStorageBackend'
  >,
  platform: NodeJS.Platform = process.platform,
): StateStore {
  async function assertSafe(): Promise<void> {
    const plain = platform === 'linux' && ['basic_text', 'unknown'].includes(safeStorage.getSelectedStorageBackend());
    if (plain || !(await safeStorage.isAsyncEncryptionAvailable())) {
      throw new AppError(
        'secret-store-unsafe',
        'The system would keep this secret in plain text, so Muster does not keep it.',
      );
    }
  }
  async function seal(value: string): Promise<string> {
    return `${PREFIX}${(await safeStorage.encryptStringAsync(value)).toString('base64')}`;
  }
  return {
    async read(name) {
      const stored = await files.read(name);
      if (stored === undefined || !stored.startsWith(PREFIX)) return stored;
      await assertSafe();
      let opened: Awaited<ReturnType<typeof safeStorage.decryptStringAsync>>;
      try {
        opened = await safeStorage.decryptStringAsync(Buffer.from(stored.slice(PREFIX.length), 'base64'));
      } catch (cause) {
        throw new AppError('state-unreadable', `The system cannot open the saved ${name}.`, { cause });
      }
      if (opened.shouldReEncrypt) await files.write(name, await seal(opened.result));
      return opened.result;
    },
    async write(name, value, options = {}) {
      if (!options.secret) return files.write(name, value, options);
      await assertSafe();
      await files.write(name, await seal(value), options);
    },
    remove: (name) => files.remove(name),
  };
}
