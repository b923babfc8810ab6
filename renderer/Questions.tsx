import type { AppSnapshot } from '../contract/bridge.ts';
import { Button } from '../ui/Button.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { Fact, Facts } from '../ui/Facts.tsx';
import { useWindowText } from './text.ts';
import type { Call } from './useLink.ts';

/** A link asks for another server: nothing changes until the person says so, and keeping the current one is the easy answer. */
export function ServerQuestion(props: { question: NonNullable<AppSnapshot['serverQuestion']>; call: Call }) {
  const t = useWindowText();
  const answer = (accept: boolean): void => void props.call('answerServerQuestion', { accept });
  return (
    <Dialog
      urgent
      title={t('serverQuestion.title')}
      onClose={() => answer(false)}
      actions={
        <>
          <Button onClick={() => answer(true)}>{t('serverQuestion.change')}</Button>
          <Button look="primary" data-first onClick={() => answer(false)}>
            {t('serverQuestion.keep')}
          </Button>
        </>
      }
    >
      <p>{t('serverQuestion.text')}</p>
      <Facts>
        <Fact name={t('serverQuestion.current')} stacked>
          <bdi className="mono">{props.question.current}</bdi>
        </Fact>
        <Fact name={t('serverQuestion.requested')} stacked>
          <bdi className="mono">{props.question.requested}</bdi>
        </Fact>
      </Facts>
    </Dialog>
  );
}

export type Question = 'signOut' | 'unenroll';

export function ConfirmQuestion(props: { question: Question; team: string; call: Call; close: () => void }) {
  const t = useWindowText();
  const { question, call, close } = props;
  const unenrol = question === 'unenroll';
  const confirm = (): void => {
    close();
    void call(question, {});
  };
  return (
    <Dialog
      urgent={unenrol}
      title={unenrol ? t('unenrol.title') : t('signOut.title')}
      onClose={close}
      actions={
        <>
          <Button data-first onClick={close}>
            {t('action.cancel')}
          </Button>
          <Button look={unenrol ? 'danger' : 'primary'} onClick={confirm}>
            {unenrol ? t('unenrol.confirm') : t('action.signOut')}
          </Button>
        </>
      }
    >
      <p>{unenrol ? t('unenrol.text', { team: props.team }) : t('signOut.text')}</p>
    </Dialog>
  );
}
