import type { WhatWillBeSent } from '../../contract/bridge.ts';
import { shortIdentifier } from '../../contract/shortIdentifier.ts';
import { Button } from '../../ui/Button.tsx';
import { Fact, Facts, Fold } from '../../ui/Facts.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { systemText } from '../../ui/systemText.ts';
import { Screen } from '../Screen.tsx';
import { hostOf } from '../serverAddress.ts';
import { useWindowText } from '../text.ts';
import type { Call } from '../useLink.ts';

type MachineFact = WhatWillBeSent['machine']['serial'];

export function Review(props: { serverUrl: string; team: string; send: WhatWillBeSent; call: Call; busy: boolean }) {
  const t = useWindowText();
  const { send, call } = props;
  const { machine, tpm } = send;
  return (
    <Screen
      icon="eye"
      tone="accent"
      title={t('review.title')}
      text={<p>{t('review.to', { team: props.team, server: hostOf(props.serverUrl) })}</p>}
      actions={
        <>
          <p className="promise">{t('review.browserNext')}</p>
          <Button look="primary" wide busy={props.busy} onClick={() => void call('enroll', {})}>
            {t('review.agree')}
          </Button>
          <Button look="plain" wide onClick={() => void call('cancel', {})}>
            {t('action.cancel')}
          </Button>
        </>
      }
    >
      <Facts>
        <Fact name={t('review.deviceName')} icon="laptop">
          <bdi>{machine.hostName}</bdi>
        </Fact>
        <Fact name={t('review.system')} icon="gear">
          {systemText(machine.os, machine.osVersion)}
        </Fact>
        <MakeAndModel manufacturer={machine.manufacturer} model={machine.model} />
        <Fact name={t('review.serial')} icon="list" note={<Reason fact={machine.serial} />}>
          {valueIn(machine.serial) ?? t('review.notReadable')}
        </Fact>
        {tpm ? (
          <Fact
            name={t('review.chip')}
            icon="chip"
            note={t('review.chipNote', { short: shortIdentifier(send.permanentIdentifier) })}
          >
            {tpm.manufacturer}
          </Fact>
        ) : machine.os === 'macOS' ? (
          <Fact name={t('review.chip')} icon="chip" note={t('review.chipMacNote')}>
            {t('review.chipMac')}
          </Fact>
        ) : (
          <Fact name={t('review.chip')} icon="warning" note={t('review.chipMissingNote')}>
            {t('review.chipMissing')}
          </Fact>
        )}
        <Fact name={t('review.you')} icon="person" note={t('review.youNote')}>
          {t('review.youValue')}
        </Fact>
      </Facts>
      <p className="promise promise-start">
        <Icon name="lock" />
        <span>{t('review.never')}</span>
      </p>
      <Fold title={t('action.technicalDetails')}>
        <TechnicalDetails send={send} />
      </Fold>
    </Screen>
  );
}

function MakeAndModel({ manufacturer, model }: { manufacturer: MachineFact; model: MachineFact }) {
  const t = useWindowText();
  const known = [valueIn(manufacturer), valueIn(model)].filter((part) => part !== undefined);
  return (
    <Fact name={t('review.model')} icon="info" note={known.length === 0 && <Reason fact={model} />}>
      {known.length > 0 ? known.join(' ') : t('review.notReadable')}
    </Fact>
  );
}

function TechnicalDetails({ send }: { send: WhatWillBeSent }) {
  const t = useWindowText();
  const { machine, tpm } = send;
  const virtual = { yes: t('value.yes'), no: t('value.no'), unknown: t('value.unknown') }[machine.virtualMachine];
  return (
    <Facts>
      <Fact name={t('fact.permanentIdentifier')} stacked>
        <bdi className="mono">{send.permanentIdentifier}</bdi>
      </Fact>
      {tpm && (
        <>
          <Fact name={t('review.chipFirmware')}>{tpm.firmwareVersion}</Fact>
          <Fact name={t('review.chipAlgorithm')}>{tpm.algorithm}</Fact>
          <Fact name={t('review.chipCertificates')}>{tpm.ekCertificates}</Fact>
        </>
      )}
      <Fact name={t('review.hardwareUuid')} stacked>
        <Unproven fact={machine.hardwareUuid} />
      </Fact>
      {machine.provisioningUdid && (
        <Fact name={t('review.provisioningUdid')} stacked>
          <Unproven fact={machine.provisioningUdid} />
        </Fact>
      )}
      <Fact name={t('review.architecture')}>{machine.architecture}</Fact>
      <Fact name={t('review.virtualMachine')}>{virtual}</Fact>
    </Facts>
  );
}

function Unproven({ fact }: { fact: MachineFact }) {
  const t = useWindowText();
  const value = valueIn(fact);
  return value === undefined ? (
    <span className="soft">
      {t('review.notReadable')}: <Reason fact={fact} />
    </span>
  ) : (
    <>
      <bdi className="mono">{value}</bdi> <Reason fact={fact} />
    </>
  );
}

const valueIn = (fact: MachineFact): string | undefined => ('value' in fact ? fact.value : undefined);
/** Why the machine could not be read, in the English of whoever read it where no code came with it; or who had to read it. */
function Reason({ fact }: { fact: MachineFact }) {
  const t = useWindowText();
  if ('value' in fact) return fact.readBy === 'service' ? <span>{t('review.readByService')}</span> : null;
  return fact.why ? <span>{t(`why.${fact.why}`)}</span> : <span lang="en">{fact.unavailable}</span>;
}
