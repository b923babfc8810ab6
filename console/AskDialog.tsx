import type { ReactNode } from 'react';
import { Button } from '../ui/Button.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { useConsoleText } from './text.ts';

/** A question with a way back and a way on. The focus is on the way back, unless a field in `children` asks for it. */
export function AskDialog(props: {
  title: string;
  /** The way on, and what it is. */
  confirm: string;
  run: () => void;
  close: () => void;
  children: ReactNode;
  /** The way back; "Cancel" where nothing else is said. */
  back?: string;
  look?: 'primary' | 'danger';
  urgent?: boolean;
}) {
  const t = useConsoleText();
  return (
    <Dialog
      urgent={props.urgent}
      title={props.title}
      onClose={props.close}
      actions={
        <>
          <Button data-first onClick={props.close}>
            {props.back ?? t('action.cancel')}
          </Button>
          <Button look={props.look ?? 'primary'} onClick={props.run}>
            {props.confirm}
          </Button>
        </>
      }
    >
      {props.children}
    </Dialog>
  );
}
