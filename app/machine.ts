import {
  type AppState,
  CeremonyStep,
  type SelfDevice,
  type UserError,
  type WhatWillBeSent,
} from '../contract/index.ts';

/** Everything that can happen to the state that the window shows. Closed: the switch below is exhaustive. */
export type AppEvent =
  /** The saved state was read. */
  | { type: 'started'; device: SelfDevice | null; serverUrl: string | null; team: string | null }
  /** Identity is being read, to show what will be sent. */
  | { type: 'prepare' }
  | { type: 'identity-read'; serverUrl: string; team: string; send: WhatWillBeSent }
  /** The ceremony begins or goes on: the person agreed, policy says so, or a killed one is resumed. */
  | { type: 'begin' }
  | { type: 'step'; step: CeremonyStep; code: string | null }
  | { type: 'browser-waiting'; code: string; browserUrl: string; expiresAt: string; userCode?: string }
  | { type: 'enrolled'; device: SelfDevice }
  /** News of the enrolled device. */
  | { type: 'device'; device: SelfDevice }
  | { type: 'failed'; error: UserError; retry: boolean }
  /** Cancelled, signed out or unenrolled. */
  | { type: 'left'; serverUrl: string | null; team: string | null };

export const INITIAL: AppState = { kind: 'starting' };

/** The whole state machine. An event that means nothing in a state leaves that very object: late answers of a cancelled run do no harm. */
export function transition(state: AppState, event: AppEvent): AppState {
  switch (event.type) {
    case 'started':
      if (state.kind !== 'starting') return state;
      return event.device
        ? { kind: 'enrolled', device: event.device }
        : { kind: 'signed-out', serverUrl: event.serverUrl, team: event.team };
    case 'prepare':
      return state.kind === 'signed-out' || state.kind === 'review' || state.kind === 'failed'
        ? enrolling('identity', null)
        : state;
    case 'identity-read':
      return state.kind === 'enrolling' && state.step === 'identity'
        ? { kind: 'review', serverUrl: event.serverUrl, team: event.team, send: event.send }
        : state;
    case 'begin':
      return ['starting', 'signed-out', 'review', 'failed'].includes(state.kind) ? enrolling('identity', null) : state;
    case 'step':
      return state.kind === 'enrolling' || state.kind === 'signing-in' ? enrolling(event.step, event.code) : state;
    case 'browser-waiting': {
      if (state.kind !== 'enrolling') return state;
      const { code, browserUrl, expiresAt, userCode } = event;
      return { kind: 'signing-in', code, browserUrl, expiresAt, ...(userCode === undefined ? {} : { userCode }) };
    }
    case 'enrolled':
      return state.kind === 'enrolling' ? { kind: 'enrolled', device: event.device } : state;
    case 'device':
      return state.kind === 'enrolled' ? { kind: 'enrolled', device: event.device } : state;
    case 'failed':
      return state.kind === 'enrolled' || state.kind === 'signed-out'
        ? state
        : { kind: 'failed', error: event.error, retry: event.retry };
    case 'left':
      return state.kind === 'starting' ? state : { kind: 'signed-out', serverUrl: event.serverUrl, team: event.team };
    default:
      throw event satisfies never;
  }
}

function enrolling(step: CeremonyStep, code: string | null): AppState {
  const order = CeremonyStep.options;
  return { kind: 'enrolling', code, step, done: order.slice(0, order.indexOf(step)) };
}
