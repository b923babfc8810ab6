import { createRoot } from 'react-dom/client';
import '../ui/theme.css';

const root = document.getElementById('root');
if (!root) throw new Error('The page has no #root');
createRoot(root).render(<h1>Muster</h1>);
