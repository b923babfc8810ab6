/** The one description of Muster's icon, on a field of 1024 by 1024; the drawing and the pictures both come from it. */
type Point = readonly [x: number, y: number];
type Curve = readonly [Point, Point, Point];

const GRADIENT = { top: [0x4d, 0x7d, 0xf0], bottom: [0x1b, 0x3f, 0xa8] } as const;
const TILE = { from: 80, to: 944, radius: 196 } as const;
const SHIELD_START: Point = [512, 226];
const SHIELD: readonly Curve[] = [
  [
    [592, 286],
    [676, 310],
    [762, 314],
  ],
  [
    [762, 376],
    [762, 438],
    [762, 500],
  ],
  [
    [762, 650],
    [664, 752],
    [512, 808],
  ],
  [
    [360, 752],
    [262, 650],
    [262, 500],
  ],
  [
    [262, 438],
    [262, 376],
    [262, 314],
  ],
  [
    [348, 310],
    [432, 286],
    [512, 226],
  ],
];
const CHECK: readonly Point[] = [
  [396, 514],
  [482, 602],
  [636, 424],
];
const CHECK_WIDTH = 72;

const hex = (colour: readonly number[]) => `#${colour.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
const text = (point: Point) => point.join(' ');

export function iconSvg(): string {
  const shield = `M${text(SHIELD_START)}${SHIELD.map((curve) => `C${curve.map(text).join(' ')}`).join('')}Z`;
  const side = TILE.to - TILE.from;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1024 1024">
  <title>Muster</title>
  <defs>
    <linearGradient id="ground" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="${hex(GRADIENT.top)}" />
      <stop offset="1" stop-color="${hex(GRADIENT.bottom)}" />
    </linearGradient>
  </defs>
  <rect x="${TILE.from}" y="${TILE.from}" width="${side}" height="${side}" rx="${TILE.radius}" fill="url(#ground)" />
  <path d="${shield}" fill="#fff" />
  <polyline points="${CHECK.map((point) => point.join(',')).join(' ')}" fill="none" stroke="${hex(GRADIENT.bottom)}" stroke-width="${CHECK_WIDTH}" stroke-linecap="round" stroke-linejoin="round" />
</svg>
`;
}

const SHIELD_POINTS = SHIELD.flatMap((curve, index) => flatten(SHIELD[index - 1]?.[2] ?? SHIELD_START, curve));

function flatten(start: Point, [a, b, end]: Curve): Point[] {
  const steps = 16;
  return Array.from({ length: steps }, (_, step): Point => {
    const t = (step + 1) / steps;
    const u = 1 - t;
    const at = (axis: 0 | 1) =>
      u ** 3 * start[axis] + 3 * u * u * t * a[axis] + 3 * u * t * t * b[axis] + t ** 3 * end[axis];
    return [at(0), at(1)];
  });
}

/** Distance to the tile's edge, negative inside (a rounded box). */
function tileDistance([x, y]: Point): number {
  const half = (TILE.to - TILE.from) / 2 - TILE.radius;
  const dx = Math.abs(x - 512) - half;
  const dy = Math.abs(y - 512) - half;
  return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - TILE.radius;
}

function segmentDistance([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const t = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2);
  const along = Math.min(1, Math.max(0, t));
  return Math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay));
}

/** Distance to the shield's edge, negative inside (even-odd crossing). */
function shieldDistance(point: Point): number {
  let nearest = Number.POSITIVE_INFINITY;
  let inside = false;
  let before = SHIELD_POINTS.at(-1) as Point;
  for (const next of SHIELD_POINTS) {
    nearest = Math.min(nearest, segmentDistance(point, before, next));
    const crosses = next[1] > point[1] !== before[1] > point[1];
    if (crosses && point[0] < ((before[0] - next[0]) * (point[1] - next[1])) / (before[1] - next[1]) + next[0]) {
      inside = !inside;
    }
    before = next;
  }
  return inside ? -nearest : nearest;
}

function checkDistance(point: Point): number {
  const [a, b, c] = CHECK as [Point, Point, Point];
  return Math.min(segmentDistance(point, a, b), segmentDistance(point, b, c)) - CHECK_WIDTH / 2;
}

export type Picture = { size: number /** Rows of RGBA, 8 bits each, not premultiplied. */; rgba: Uint8Array };

/** The icon in colour, `size` pixels wide. */
export function drawIcon(size: number): Picture {
  return draw(size, (point, cover) => {
    const share = (point[1] - TILE.from) / (TILE.to - TILE.from);
    const ground = GRADIENT.top.map(
      (top, i) => top + ((GRADIENT.bottom[i] ?? 0) - top) * Math.min(1, Math.max(0, share)),
    );
    const shield = cover(shieldDistance(point));
    const check = cover(checkDistance(point));
    const colour = ground.map((part, i) => {
      const onShield = part + (255 - part) * shield;
      return onShield + ((GRADIENT.bottom[i] ?? 0) - onShield) * check;
    });
    return [...colour, 255 * cover(tileDistance(point))];
  });
}

/** Only the shield with the check mark cut out, black on nothing: the system colours it (macOS template image, Linux symbolic). */
export function drawTray(size: number): Picture {
  // The shield fills the field: menu bars and trays are small.
  const zoom = 0.62;
  return draw(size, ([x, y], cover) => {
    const point: Point = [512 + (x - 512) * zoom, 517 + (y - 512) * zoom];
    const shield = cover(shieldDistance(point) / zoom);
    return [0, 0, 0, 255 * shield * (1 - cover(checkDistance(point) / zoom))];
  });
}

function draw(size: number, pixel: (at: Point, cover: (distance: number) => number) => readonly number[]): Picture {
  const scale = 1024 / size;
  const cover = (distance: number) => Math.min(1, Math.max(0, 0.5 - distance / scale));
  const rgba = new Uint8Array(size * size * 4);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const parts = pixel([(x + 0.5) * scale, (y + 0.5) * scale], cover);
      rgba.set(parts.map(Math.round), (y * size + x) * 4);
    }
  }
  return { size, rgba };
}
