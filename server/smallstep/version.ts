import { refuseSmallstep } from './refusal.ts';

export const API_VERSIONS = ['2023-11-01', '2025-01-01', '2026-05-01'] as const;
export type ApiVersion = (typeof API_VERSIONS)[number];

const MEDIA_TYPE = /application\/vnd\.smallstep\.v([0-9A-Za-z.-]{1,32})\+json/i;

/**
 * The version that a request asks for: the header `X-Smallstep-Api-Version`, else the media type in `Accept`, else the newest one that
 * has the route (`served`). The documents call it required; scripts exist that send neither, and only one answer is possible for them.
 */
export function requestedVersion(
  header: string | undefined,
  accept: string | undefined,
  served: readonly ApiVersion[],
): ApiVersion {
  const asked = header?.trim() || MEDIA_TYPE.exec(accept ?? '')?.[1];
  if (!asked) return served.at(-1) ?? '2026-05-01';
  const version = API_VERSIONS.find((known) => known === asked);
  if (!version) {
    return refuseSmallstep(400, `This API version is not known here. Use one of ${API_VERSIONS.join(', ')}.`);
  }
  if (!served.includes(version)) {
    return refuseSmallstep(404, `This resource is not part of API version ${version}. Use ${served.join(' or ')}.`);
  }
  return version;
}

/** The version that a refusal names: the one that was asked for, else the newest that has the route. */
export const echoedVersion = (
  header: string | undefined,
  accept: string | undefined,
  served: readonly ApiVersion[] = API_VERSIONS,
): ApiVersion => {
  const asked = header?.trim() || MEDIA_TYPE.exec(accept ?? '')?.[1];
  return API_VERSIONS.find((known) => known === asked) ?? served.at(-1) ?? '2026-05-01';
};
