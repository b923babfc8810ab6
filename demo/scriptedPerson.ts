import type { SystemBrowser } from '../app/index.ts';
import type { DemoPerson } from './people.ts';
import { browse, type FormAnswer } from './scriptedBrowser.ts';

type Answer = 'accept' | 'refuse';

/** A demo person at the sign-in and confirm pages: signs in, and accepts or refuses what the confirm page names. */
export function scriptedPerson(
  person: DemoPerson,
  options: { answer?: Answer; onError: (error: unknown) => void },
): SystemBrowser {
  return {
    async open(url) {
      // The client waits at its loopback address; a browser would walk there on its own while the client goes on.
      browse(url, answersOf(person, options.answer)).catch(options.onError);
    },
  };
}

/** What that person fills in and clicks on each page. */
export function answersOf(person: DemoPerson, answer: Answer = 'accept'): FormAnswer {
  const wanted = answer === 'refuse' ? /=(refuse|no)$/ : /=(accept|confirm|yes)$/;
  return ({ fields, buttons }) => {
    if (fields.has('login')) {
      fields.set('login', person.email);
      fields.set('password', person.password);
    }
    const button = buttons.find((text) => wanted.test(text));
    if (button) fields.set(button.slice(0, button.indexOf('=')), button.slice(button.indexOf('=') + 1));
    return fields;
  };
}
