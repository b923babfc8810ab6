import { createRoot } from 'react-dom/client';
import '../ui/theme.css';
import '../ui/components.css';
import './window.css';
import { App } from './App.tsx';
import { bridgeOf } from './openBridge.ts';

/** An answer that takes longer than a person notices is waited for on the screen "starting", not on an empty page. */
const UNNOTICED_MS = 100;

const root = document.getElementById('root');
if (!root) throw new Error('The page has no #root');
const link = bridgeOf(window);
// Asked before anything is drawn: the first thing that a person sees is the screen of their state, not one that gives way to it.
const early = await Promise.race([
  link.bridge.invoke('snapshot', {}).catch(() => null),
  new Promise<null>((done) => setTimeout(done, UNNOTICED_MS, null)),
]);
createRoot(root).render(<App link={link} early={early} />);
