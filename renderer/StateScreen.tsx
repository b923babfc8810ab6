import type { AppSnapshot, AppState, BridgeMethod } from '../contract/bridge.ts';
import { Enrolled } from './screens/Enrolled.tsx';
import { Enrolling } from './screens/Enrolling.tsx';
import { Failed } from './screens/Failed.tsx';
import { Review } from './screens/Review.tsx';
import { SignedOut } from './screens/SignedOut.tsx';
import { SigningIn } from './screens/SigningIn.tsx';
import { Starting } from './screens/Starting.tsx';
import type { Call } from './useLink.ts';

/** The screen of a state: one for each, and the compiler knows when one is missing. */
export function StateScreen(props: {
  state: AppState;
  version: string;
  host: AppSnapshot['host'];
  /** Whether the organization sets the server. */
  managed: boolean;
  call: Call;
  busy: BridgeMethod | null;
}) {
  const { state, call, busy } = props;
  switch (state.kind) {
    case 'starting':
      return <Starting />;
    case 'signed-out':
      return (
        <SignedOut
          serverUrl={state.serverUrl}
          team={state.team}
          managed={props.managed}
          call={call}
          busy={busy === 'prepare'}
        />
      );
    case 'review':
      return (
        <Review serverUrl={state.serverUrl} team={state.team} send={state.send} call={call} busy={busy === 'enroll'} />
      );
    case 'signing-in':
      return (
        <SigningIn
          code={state.code}
          browserUrl={state.browserUrl}
          expiresAt={state.expiresAt}
          userCode={state.userCode}
          host={props.host}
          call={call}
          reopening={busy === 'reopenBrowser'}
        />
      );
    case 'enrolling':
      return <Enrolling code={state.code} step={state.step} done={state.done} call={call} />;
    case 'enrolled':
      return <Enrolled device={state.device} call={call} checking={busy === 'refresh'} proving={busy === 'reattest'} />;
    case 'failed':
      return (
        <Failed
          error={state.error}
          retry={state.retry}
          version={props.version}
          call={call}
          retrying={busy === 'retry'}
        />
      );
    default:
      return state satisfies never;
  }
}
