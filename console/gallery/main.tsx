import { createRoot } from 'react-dom/client';
import '../../ui/theme.css';
import '../../ui/components.css';
import '../console.css';
import { App } from '../App.tsx';
import { createApi } from '../api/client.ts';
import { rememberLanguage } from '../language.ts';
import { createFakeServer } from './fakeServer.ts';
import { DEVICES, makeDevice, SESSION } from './fixtures.ts';

// Development and tests only: `?who=auditor&language=de&direction=rtl&empty&demo` shows the real console on a server in memory.
const asked = new URL(location.href).searchParams;
const root = document.getElementById('root');
if (!root) throw new Error('The page has no #root');

rememberLanguage(asked.get('language') === 'de' ? 'de' : 'en');
document.documentElement.dir = asked.get('direction') === 'rtl' ? 'rtl' : 'ltr';
const role = (['owner', 'approver', 'auditor'] as const).find((one) => one === asked.get('who')) ?? 'owner';
const server = createFakeServer({
  session:
    asked.get('who') === 'nobody'
      ? null
      : { ...SESSION, role, demo: asked.has('demo'), selfApprovalForbidden: asked.has('four-eyes') },
  devices: asked.has('empty') ? [] : DEVICES,
});
Object.assign(globalThis, { gallery: { ...server, makeDevice } });
createRoot(root).render(<App api={createApi(server.send)} connect={server.connect} />);
