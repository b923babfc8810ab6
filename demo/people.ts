/** The two people of the demo. Their passwords are made for each state folder and printed at start. */
export type DemoPerson = { email: string; name: string; password: string };
export type DemoPeople = { person: DemoPerson; administrator: DemoPerson };

export function makePeople(randomInt: (max: number) => number): DemoPeople {
  const password = () => `${pick(COLOURS, randomInt)}-${pick(ANIMALS, randomInt)}-${1000 + randomInt(9000)}`;
  return {
    person: { email: 'carla@demo.example', name: 'Carla Person', password: password() },
    administrator: { email: 'adam@demo.example', name: 'Adam Administrator', password: password() },
  };
}

const COLOURS = ['amber', 'azure', 'coral', 'green', 'indigo', 'olive', 'silver', 'violet'];
const ANIMALS = ['badger', 'falcon', 'heron', 'lynx', 'otter', 'raven', 'tapir', 'walrus'];

function pick(words: readonly string[], randomInt: (max: number) => number): string {
  return words[randomInt(words.length)] ?? '';
}
