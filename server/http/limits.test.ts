import Fastify, { type FastifyRequest } from 'fastify';
import { expect, test } from 'vitest';
import type { App } from './context.ts';
import { createLimits, subscriberOf } from './limits.ts';

test('strangers are counted by IPv4 address, and by the network of an IPv6 address', () => {
  expect(subscriberOf('192.0.2.7')).toBe('192.0.2.7');
  expect(subscriberOf('::ffff:192.0.2.7')).toBe('::ffff:192.0.2.7');
  for (const address of ['2001:db8:0:7::1', '2001:db8::7:0:0:0:2', '2001:0DB8:0000:0007:ffff:ffff:ffff:ffff'])
    expect(subscriberOf(address)).toBe('2001:db8:0:7::/64');
  expect(subscriberOf('::1')).toBe('0:0:0:0::/64');
  expect(subscriberOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
});

test('who is over the limit stays so, however many others call meanwhile', async () => {
  const limits = await createLimits(Fastify() as unknown as App, 1);
  const access = { kind: 'public', perMinute: 3 } as const;
  const call = (ip: string) =>
    limits.stranger({ ip, method: 'GET', routeOptions: { url: '/x' } } as FastifyRequest, access);
  for (let i = 0; i < 3; i += 1) await call('192.0.2.1');
  await expect(call('192.0.2.1')).rejects.toMatchObject({ code: 'rate-limited' });
  for (let i = 0; i < 6000; i += 1) await call(`10.0.${i >> 8}.${i & 255}`);
  await expect(call('192.0.2.1')).rejects.toMatchObject({ code: 'rate-limited' });
});

test('a replaced key is looked at a few times a minute, whoever else calls', async () => {
  const limits = await createLimits(Fastify() as unknown as App, 1);
  const call = (thumbprint: string) =>
    limits.replacedKey({ ip: '192.0.2.1', routeOptions: { url: '/x' } } as FastifyRequest, thumbprint);
  for (let i = 0; i < 6; i += 1) await call('a');
  await expect(call('a')).rejects.toMatchObject({ code: 'rate-limited' });
  await call('b');
});
