/** System and version without saying the name twice: Linux distributions bring their own ("Debian GNU/Linux 12"). */
export function systemText(os: string, version: string | null): string {
  if (!version) return os;
  return version.toLowerCase().includes(os.toLowerCase()) ? version : `${os} ${version}`;
}
