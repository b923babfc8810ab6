import { useEffect, useState } from 'react';

/** The time in milliseconds since the epoch, renewed every `everyMs`, so that ages on the screen stay true. */
export function useNow(everyMs = 30_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
