import { createRoot } from 'react-dom/client';
import '../ui/theme.css';
import '../ui/components.css';
import './console.css';
import { App } from './App.tsx';
import { createApi } from './api/client.ts';
import { openEvents } from './api/events.ts';

const root = document.getElementById('root');
if (!root) throw new Error('The page has no #root');
createRoot(root).render(<App api={createApi()} connect={openEvents} />);
