import { expect, test } from 'vitest';
import { hostOf, serverAddressFault } from './serverAddress.ts';

test.each([
  ['', 'serverMissing'],
  ['   ', 'serverMissing'],
  ['muster.example.com', 'serverInvalid'],
  ['muster.example.com:8443', 'serverInvalid'],
  ['ftp://muster.example.com', 'serverInvalid'],
  ['http://muster.example.com', 'serverInsecure'],
  ['http://localhost.example.com', 'serverInsecure'],
  ['http://127.0.0.1.example.com', 'serverInsecure'],
  ['https://muster.example.com', null],
  [' https://muster.example.com/ ', null],
  ['http://localhost:4000', null],
  ['http://127.0.0.1:4000', null],
  ['http://[::1]:4000', null],
])('%j is %s', (address, fault) => {
  expect(serverAddressFault(address)).toBe(fault);
});

test('the host is what a person compares', () => {
  expect(hostOf('https://muster.example.com/')).toBe('muster.example.com');
  expect(hostOf('http://127.0.0.1:4000')).toBe('127.0.0.1:4000');
  expect(hostOf('no address')).toBe('no address');
});
