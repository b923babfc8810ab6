import { createRoot } from 'react-dom/client';
import '../ui/theme.css';
import '../ui/components.css';
import './window.css';
import { App } from './App.tsx';
import { bridgeOf } from './openBridge.ts';

const root = document.getElementById('root');
if (!root) throw new Error('The page has no #root');
createRoot(root).render(<App link={bridgeOf(window)} />);
