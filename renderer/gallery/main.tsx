import { createRoot } from 'react-dom/client';
import '../../ui/theme.css';
import '../../ui/components.css';
import '../window.css';
import { App } from '../App.tsx';
import { createFakeBridge } from './fakeBridge.ts';
import { SNAPSHOTS, type SnapshotName } from './fixtures.ts';

// Development and tests only: `?state=waiting&language=de&direction=rtl` shows the real window at one state.
const asked = new URL(location.href).searchParams;
const names = Object.keys(SNAPSHOTS) as SnapshotName[];
const name = names.find((one) => one === asked.get('state'));
const root = document.getElementById('root');
if (!root) throw new Error('The page has no #root');

if (name) {
  const snapshot = SNAPSHOTS[name];
  const language = asked.get('language') === 'de' ? 'de' : 'en';
  document.documentElement.dir = asked.get('direction') === 'rtl' ? 'rtl' : 'ltr';
  const link = createFakeBridge({ ...snapshot, settings: { ...snapshot.settings, language } });
  Object.assign(globalThis, { gallery: link });
  createRoot(root).render(<App link={link} />);
} else {
  createRoot(root).render(
    <main className="screen">
      <h1>Gallery</h1>
      <ul>
        {names.map((one) => (
          <li key={one}>
            <a href={`?state=${one}`}>{one}</a>
          </li>
        ))}
      </ul>
    </main>,
  );
}
