import { der } from '../der.ts';

/** A small pseudo-random generator (mulberry32), so that a run can be repeated from its seed. */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = (below: number) => number;

const INTERESTING = [0, 1, 2, 3, 4, 0x10, 0x30, 0x7f, 0x80, 0x81, 0x82, 0x9f, 0xbf, 0xfe, 0xff];
const MAX = 70_000;

/** One to eight changes: bytes set, bits flipped, stretches cut, doubled or put in from another input; or a change in the tree of DER. */
export function mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const tree = input[0] === 0x30 && random(2) === 0 ? readTree(input, 0) : undefined;
  if (tree) return mutateTree(tree, other, random);
  let bytes = Array.from(input);
  for (let left = 1 + random(8); left > 0; left -= 1) {
    const at = random(bytes.length + 1);
    switch (random(7)) {
      case 0:
        if (at < bytes.length) bytes[at] = INTERESTING[random(INTERESTING.length)] ?? 0;
        break;
      case 1:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        break;
      case 2:
        if (at < bytes.length) bytes[at] = ((bytes[at] ?? 0) + (random(2) ? 1 : 255)) & 0xff;
        break;
      case 3:
        bytes.splice(at, 1 + random(16));
        break;
      case 4:
        bytes.splice(at, 0, ...Array.from({ length: 1 + random(8) }, () => random(256)));
        break;
      case 5:
        bytes.splice(at, 0, ...bytes.slice(at, at + random(64)));
        break;
      default: {
        const from = random(other.length + 1);
        bytes.splice(at, random(32), ...other.slice(from, from + random(64)));
      }
    }
    if (bytes.length > MAX) bytes = bytes.slice(0, MAX);
  }
  return new Uint8Array(bytes);
}

/** DER as a tree; `lead` holds the byte in front of DER inside a BIT STRING. */
type Tree = { tag: number; lead: Uint8Array; content: Uint8Array | Tree[] };

function readTree(bytes: Uint8Array, depth: number): Tree | undefined {
  const list = readTrees(bytes, depth);
  return list?.length === 1 ? list[0] : undefined;
}

function readTrees(bytes: Uint8Array, depth: number): Tree[] | undefined {
  const list: Tree[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [tag = 0, first = 0] = bytes.subarray(at, at + 2);
    const count = first < 0x80 ? 0 : first & 0x7f;
    if (count > 2 || at + 2 + count > bytes.length) return undefined;
    const length =
      count === 0 ? first : bytes.subarray(at + 2, at + 2 + count).reduce((sum, byte) => sum * 256 + byte, 0);
    const from = at + 2 + count;
    if (length > bytes.length - from) return undefined;
    const content = bytes.subarray(from, from + length);
    const lead = tag === 0x03 ? content.subarray(0, 1) : new Uint8Array(0);
    const holds = (tag & 0x20) !== 0 || tag === 0x04 || tag === 0x03;
    const inner =
      holds && depth < 12 && content.length > lead.length + 1
        ? readTrees(content.subarray(lead.length), depth + 1)
        : undefined;
    list.push(inner ? { tag, lead, content: inner } : { tag, lead: new Uint8Array(0), content });
    at = from + length;
  }
  return list;
}

const writeTree = ({ tag, lead, content }: Tree): Uint8Array =>
  content instanceof Uint8Array ? der(tag, content) : der(tag, lead, ...content.map(writeTree));

/** Lengths of everything around a change stay right, so that it reaches the code behind the reading of DER. */
function mutateTree(root: Tree, other: Uint8Array, random: Random): Uint8Array {
  for (let left = 1 + random(3); left > 0; left -= 1) {
    const parents: Tree[] = [];
    const walk = (tree: Tree) => {
      if (tree.content instanceof Uint8Array) return;
      parents.push(tree);
      tree.content.forEach(walk);
    };
    walk(root);
    const list = parents[random(parents.length)]?.content;
    if (!list || list instanceof Uint8Array || list.length === 0) continue;
    const at = random(list.length);
    const child = list[at] as Tree;
    switch (random(7)) {
      case 0:
        list.splice(at, 1);
        break;
      case 1:
        list.splice(random(list.length + 1), 0, child);
        break;
      case 2:
        list.push(...list.splice(at, 1));
        break;
      case 3:
        list[at] = { ...child, tag: INTERESTING[random(INTERESTING.length)] ?? random(256) };
        break;
      case 4:
        list[at] = readTree(other, 0) ?? child;
        break;
      default:
        if (child.content instanceof Uint8Array) {
          const from = random(other.length + 1);
          const content = random(4) === 0 ? other.slice(from, from + random(40)) : mutate(child.content, other, random);
          list[at] = { ...child, content };
        }
    }
  }
  return writeTree(root).slice(0, MAX);
}
