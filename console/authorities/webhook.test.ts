import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CaWebhookId, CaWebhookRequest } from '../../contract/caWebhooks.ts';
import { isWebhookId, isWebhookSecret } from './webhook.ts';

const seed = 20_261_123;
const given = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc.stringMatching(/^[A-Za-z0-9_-]{0,70}$/),
  fc.uint8Array({ maxLength: 220 }).map((bytes) => Buffer.from(bytes).toString('base64')),
  fc.stringMatching(/^[A-Za-z0-9+/]{20,40}={0,3}$/),
);

test('the console takes exactly the ids and secrets that the server takes', () => {
  fc.assert(
    fc.property(given, (text) => {
      expect(isWebhookId(text), `id ${text}`).toBe(CaWebhookId.safeParse(text).success);
      const request = CaWebhookRequest.safeParse({ name: 'step-ca', secret: text });
      expect(isWebhookSecret(text), `secret ${text}`).toBe(request.success);
    }),
    { seed, numRuns: 2000 },
  );
});
