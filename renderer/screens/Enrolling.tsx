import type { CeremonyStep } from '../../contract/bridge.ts';
import { Button, Spinner } from '../../ui/Button.tsx';
import { CeremonyCode } from '../../ui/CeremonyCode.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { Screen } from '../Screen.tsx';
import { useWindowText } from '../text.ts';
import type { Call } from '../useLink.ts';

/** In the order of the ceremony (contract/bridge.ts); a step that is missing here does not compile. */
const STEPS = Object.keys({
  identity: true,
  announce: true,
  'sign-in': true,
  grant: true,
  'attestation-key': true,
  activation: true,
  'device-key': true,
  enrollment: true,
} satisfies Record<CeremonyStep, true>) as CeremonyStep[];

export function Enrolling(props: {
  code: string | null;
  step: CeremonyStep;
  done: readonly CeremonyStep[];
  call: Call;
}) {
  const t = useWindowText();
  const number = STEPS.indexOf(props.step) + 1;
  const progress = t('enrolling.progress', { number, total: STEPS.length, step: t(`step.${props.step}`) });
  return (
    <Screen
      icon="shield"
      tone="accent"
      title={t('enrolling.title')}
      text={<p>{t(props.step === 'identity' ? 'enrolling.identityText' : 'enrolling.text')}</p>}
      actions={
        <Button look="plain" wide onClick={() => void props.call('cancel', {})}>
          {t('action.cancel')}
        </Button>
      }
    >
      <progress className="progress" value={props.done.length} max={STEPS.length} aria-label={t('enrolling.title')} />
      <p className="visually-hidden" role="status">
        {progress}
      </p>
      <ol className="card steps">
        {STEPS.map((step) => (
          <Step key={step} step={step} state={stepState(step, props)} />
        ))}
      </ol>
      {props.code && (
        <p className="centred soft">
          {t('fact.code')} <CeremonyCode code={props.code} size="small" />
        </p>
      )}
    </Screen>
  );
}

type StepState = 'done' | 'now' | 'next';

const stepState = (step: CeremonyStep, state: { step: CeremonyStep; done: readonly CeremonyStep[] }): StepState => {
  if (state.done.includes(step)) return 'done';
  return step === state.step ? 'now' : 'next';
};

function Step({ step, state }: { step: CeremonyStep; state: StepState }) {
  const t = useWindowText();
  const said = { done: t('enrolling.stepDone'), now: t('enrolling.stepNow'), next: t('enrolling.stepNext') }[state];
  return (
    <li className={`step step-${state}`} aria-current={state === 'now' ? 'step' : undefined}>
      {state === 'done' ? <Icon name="check" /> : state === 'now' ? <Spinner /> : <span className="step-dot" />}
      <span>{t(`step.${step}`)}</span>
      <span className="visually-hidden">{said}</span>
    </li>
  );
}
