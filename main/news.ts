import { type AppSnapshot, type EnrolledScreen, enrolledScreen } from '../contract/index.ts';

/**
 * One notification for each change of an enrolled device's screen, and for nothing else: not for the first look at a start, not for a
 * reconnection, not for news within a screen, and not while the person is looking at the window.
 */
export function createNews(notify: (screen: EnrolledScreen, snapshot: AppSnapshot) => void, looking: () => boolean) {
  let known: { id: string; screen: EnrolledScreen } | undefined;
  return (snapshot: AppSnapshot): void => {
    if (snapshot.state.kind !== 'enrolled') {
      if (snapshot.state.kind === 'signed-out') known = undefined;
      return;
    }
    const { device } = snapshot.state;
    const screen = enrolledScreen(device);
    const changed = known?.id === device.id && known.screen !== screen;
    known = { id: device.id, screen };
    if (changed && !looking()) notify(screen, snapshot);
  };
}
