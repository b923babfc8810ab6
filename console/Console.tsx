import { createContext, useContext, useEffect } from 'react';
import type { Device } from '../contract/device.ts';
import type { Session } from '../contract/settings.ts';
import type { Api } from './api/client.ts';
import type { Events, Listener } from './api/events.ts';

/** What every view of a signed-in console has at hand. */
export type ConsoleContext = {
  api: Api;
  session: Session;
  /** Reads the session again: a change of Team Settings may have changed what it says. */
  checkSession: () => void;
  events: Events;
  /** Grows when events may have been missed: views load again. */
  generation: number;
  /** Says something to everyone, screen readers included, for a moment. */
  announce: (text: string) => void;
};

const Context = createContext<ConsoleContext | null>(null);
export const ConsoleProvider = Context.Provider;

export function useConsole(): ConsoleContext {
  const value = useContext(Context);
  if (!value) throw new Error('ConsoleProvider is missing above this component');
  return value;
}

/** Calls `listener`, which must be stable, with every event. */
export function useEvents(listener: Listener): void {
  const { events } = useConsole();
  useEffect(() => events.listen(listener), [events, listener]);
}

/** Owners change settings, people and tokens. The server decides again. */
export const mayAdminister = (session: Session): boolean => session.role === 'owner';

/** Auditors read; owners and approvers decide. The server decides again. */
export const mayDecide = (session: Session): boolean => session.role !== 'auditor';

/** Whether who is signed in owns the device or asked for it. */
export const isOwnDevice = (session: Session, { owner, requestedBy }: Device): boolean =>
  [owner?.email, requestedBy].some((name) => name?.toLowerCase() === session.user.email.toLowerCase());

/** Where the Team Setting wants two people behind each approval, somebody else has to approve. The server decides again. */
export const needsSomebodyElse = (session: Session, device: Device): boolean =>
  session.selfApprovalForbidden && isOwnDevice(session, device);
