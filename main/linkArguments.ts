export const LINK_SCHEME = 'muster';

/** The link among a command line's arguments, if any: Chromium adds its own, in any order. */
export function deepLinkIn(argv: readonly string[]): string | undefined {
  return argv.find((argument) => argument.toLowerCase().startsWith(`${LINK_SCHEME}:`));
}
