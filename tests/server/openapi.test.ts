import { expect, it } from 'vitest';
import { run } from './openapiRun.ts';

it('answers 1,000 valid, mutated and hostile requests as its OpenAPI document says, and none with 5xx', async () => {
  const { faults, sent, statuses } = await run(1000);
  expect(faults).toEqual([]);
  expect(sent).toBe(1000);
  for (const status of [200, 201, 400, 401, 403, 404]) expect(statuses.get(status), `${status}`).toBeGreaterThan(0);
}, 240_000);
