import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppState, CeremonyStep } from '../contract/index.ts';
import { aDevice, aReport } from '../contract/testing/fixtures.ts';
import { type AppEvent, INITIAL, transition } from './machine.ts';

const device = aDevice();
const send = { permanentIdentifier: device.permanentIdentifier, tpm: null, machine: aReport() };
const error = {
  code: 'server-unreachable' as const,
  title: 'title',
  detail: 'detail',
  advice: 'advice',
  correlationId: null,
};

const STATES = {
  starting: { kind: 'starting' },
  'signed-out': { kind: 'signed-out', serverUrl: 'https://a.example', team: null },
  review: { kind: 'review', serverUrl: 'https://a.example', team: 'A', send },
  'reading identity': { kind: 'enrolling', code: null, step: 'identity', done: [] },
  'signing-in': {
    kind: 'signing-in',
    code: 'BCD-FGH',
    browserUrl: 'https://a.example/x',
    expiresAt: '2030-01-01T00:00:00Z',
  },
  enrolling: {
    kind: 'enrolling',
    code: 'BCD-FGH',
    step: 'activation',
    done: ['identity', 'announce', 'sign-in', 'grant', 'attestation-key'],
  },
  enrolled: { kind: 'enrolled', device },
  failed: { kind: 'failed', error, retry: true },
} as const satisfies Record<string, AppState>;
type Name = keyof typeof STATES;

const EVENTS = {
  'started, enrolled': { type: 'started', device, serverUrl: null, team: null },
  'started, not enrolled': { type: 'started', device: null, serverUrl: null, team: null },
  prepare: { type: 'prepare' },
  'identity-read': { type: 'identity-read', serverUrl: 'https://a.example', team: 'A', send },
  begin: { type: 'begin' },
  step: { type: 'step', step: 'grant', code: 'BCD-FGH' },
  'browser-waiting': {
    type: 'browser-waiting',
    code: 'BCD-FGH',
    browserUrl: 'https://a.example/x',
    expiresAt: '2030-01-01T00:00:00Z',
  },
  enrolled: { type: 'enrolled', device },
  device: { type: 'device', device: { ...device, approval: 'approved' } },
  failed: { type: 'failed', error, retry: true },
  left: { type: 'left', serverUrl: 'https://a.example', team: null },
} as const satisfies Record<string, AppEvent>;

/** The model: where each event leads from each state; an event that is not named changes nothing. */
const MODEL: Record<Name, Partial<Record<keyof typeof EVENTS, AppState['kind']>>> = {
  starting: {
    'started, enrolled': 'enrolled',
    'started, not enrolled': 'signed-out',
    begin: 'enrolling',
    failed: 'failed',
  },
  'signed-out': { prepare: 'enrolling', begin: 'enrolling', left: 'signed-out' },
  review: { prepare: 'enrolling', begin: 'enrolling', failed: 'failed', left: 'signed-out' },
  'reading identity': {
    'identity-read': 'review',
    step: 'enrolling',
    'browser-waiting': 'signing-in',
    enrolled: 'enrolled',
    failed: 'failed',
    left: 'signed-out',
  },
  'signing-in': { step: 'enrolling', failed: 'failed', left: 'signed-out' },
  enrolling: {
    step: 'enrolling',
    'browser-waiting': 'signing-in',
    enrolled: 'enrolled',
    failed: 'failed',
    left: 'signed-out',
  },
  enrolled: { device: 'enrolled', left: 'signed-out' },
  failed: { prepare: 'enrolling', begin: 'enrolling', failed: 'failed', left: 'signed-out' },
};

describe('the state machine, every event in every state', () => {
  for (const [name, state] of Object.entries(STATES) as [Name, AppState][]) {
    for (const [label, event] of Object.entries(EVENTS) as [keyof typeof EVENTS, AppEvent][]) {
      const expected = MODEL[name][label];
      it(`${name} + ${label} -> ${expected ?? 'unchanged'}`, () => {
        const before = structuredClone(state);
        const next = transition(state, event);
        expect(state).toEqual(before);
        if (expected === undefined) expect(next).toBe(state);
        else {
          expect(next).not.toBe(state);
          expect(next.kind).toBe(expected);
        }
        expect(AppState.safeParse(next).success).toBe(true);
      });
    }
  }

  it('shows the code of the device flow only where there is one', () => {
    const waiting = transition(STATES['reading identity'], { ...EVENTS['browser-waiting'], userCode: 'BCDF-GHJK' });
    expect(waiting).toMatchObject({ kind: 'signing-in', userCode: 'BCDF-GHJK' });
    expect(transition(STATES.enrolling, EVENTS['browser-waiting'])).not.toHaveProperty('userCode');
  });

  it('names the steps before the current one as done, also after a part starts over', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...CeremonyStep.options), { minLength: 1, maxLength: 20 }), (steps) => {
        let state = transition(STATES.review, { type: 'begin' });
        for (const step of steps) state = transition(state, { type: 'step', step, code: null });
        const last = steps.at(-1);
        expect(state).toEqual({
          kind: 'enrolling',
          code: null,
          step: last,
          done: CeremonyStep.options.slice(0, CeremonyStep.options.indexOf(last as CeremonyStep)),
        });
      }),
    );
  });

  it('stays within the contract for any sequence of events, and never loses an enrolment to a failure', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...Object.values(EVENTS)), { maxLength: 60 }), (events) => {
        let state = INITIAL;
        for (const event of events) {
          const next = transition(state, event);
          expect(AppState.safeParse(next).success).toBe(true);
          if (state.kind === 'enrolled' && event.type !== 'left') expect(next.kind).toBe('enrolled');
          if (next.kind === 'starting') expect(state.kind).toBe('starting');
          state = next;
        }
      }),
    );
  });
});
