import type { Input, WebContents } from 'electron';

const FACTORS = [1, 1.25, 1.5, 1.75, 2];

/**
 * Larger text and the usual size again, by the keys and the wheel that browsers have taught: Electron brings them with its own menu only, which
 * Muster does not show. Chromium keeps the factor for the window's origin. WCAG 2.2, 1.4.4.
 */
export function allowLargerText(
  contents: Pick<WebContents, 'on' | 'getZoomFactor' | 'setZoomFactor'>,
  platform: NodeJS.Platform,
): void {
  const move = (steps: number) => contents.setZoomFactor(nextFactor(contents.getZoomFactor(), steps));
  contents.on('before-input-event', (event, input) => {
    const steps = stepsOf(input, platform);
    if (steps === undefined) return;
    event.preventDefault();
    if (steps === 0) contents.setZoomFactor(1);
    else move(steps);
  });
  contents.on('zoom-changed', (_event, direction) => move(direction === 'in' ? 1 : -1));
}

/** On many keyboards + lies above =, and is typed with Shift; the number pad has its own. */
function stepsOf(input: Input, platform: NodeJS.Platform): number | undefined {
  const [held, other] = platform === 'darwin' ? [input.meta, input.control] : [input.control, input.meta];
  if (input.type !== 'keyDown' || !held || other || input.alt) return undefined;
  switch (input.key) {
    case '+':
    case '=':
      return 1;
    case '-':
    case '_':
      return -1;
    case '0':
      return 0;
    default:
      return undefined;
  }
}

/** From the nearest of our factors: the one in force comes back with rounding. */
function nextFactor(now: number, steps: number): number {
  const distances = FACTORS.map((factor) => Math.abs(factor - now));
  const at = distances.indexOf(Math.min(...distances));
  return FACTORS[Math.min(FACTORS.length - 1, Math.max(0, at + steps))] ?? 1;
}
