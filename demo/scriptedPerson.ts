import type { SystemBrowser } from '../app/index.ts';
import type { DemoPerson } from './people.ts';
import { browse } from './scriptedBrowser.ts';

/** A demo person at the sign-in and confirm pages: signs in, and accepts or refuses what the confirm page names. */
export function scriptedPerson(
  person: DemoPerson,
  options: { answer?: 'accept' | 'refuse'; onError: (error: unknown) => void },
): SystemBrowser {
  const wanted = options.answer === 'refuse' ? /=(refuse|no)$/ : /=(accept|confirm|yes)$/;
  return {
    async open(url) {
      // The client waits at its loopback address; a browser would walk there on its own while the client goes on.
      browse(url, ({ fields, buttons }) => {
        if (fields.has('login')) {
          fields.set('login', person.email);
          fields.set('password', person.password);
        }
        const button = buttons.find((text) => wanted.test(text));
        if (button) fields.set(button.slice(0, button.indexOf('=')), button.slice(button.indexOf('=') + 1));
        return fields;
      }).catch(options.onError);
    },
  };
}
