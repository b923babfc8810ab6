import { ServerError } from '../error.ts';

const MICROSOFT = ['login.microsoftonline.com', 'login.microsoftonline.us', 'login.partner.microsoftonline.cn'];
/** In place of a tenant: accounts of any organization, and of none. */
const ANY_TENANT = ['common', 'organizations', 'consumers'];
const GOOGLE = 'accounts.google.com';
const GOOGLE_MAIL = ['gmail.com', 'googlemail.com'];

/** Refuses an issuer whose accounts are not those of one organization. Error: `configuration`. */
export function checkIssuer(issuer: URL): void {
  const tenant = issuer.pathname.split('/')[1] ?? '';
  if (MICROSOFT.includes(issuer.hostname) && ANY_TENANT.includes(tenant.toLowerCase())) {
    throw new ServerError(
      'configuration',
      `The issuer names "${tenant}", where accounts of every organization sign in: name your tenant, as in https://${issuer.hostname}/TENANT-ID/v2.0.`,
    );
  }
}

/**
 * Whether the issuer vouches for an address. Entra ID says so in `xms_edov` and sends no `email_verified`; Google verifies any address once,
 * and is the authority only for those of the hosted domain `hd` and for its own.
 */
export function vouchesFor(issuer: string, claims: Record<string, unknown>, email: string): boolean {
  const { hostname } = new URL(issuer);
  const verified = claims.email_verified === true || claims.email_verified === 'true';
  if (MICROSOFT.includes(hostname)) {
    return verified || ['true', '1'].includes(String(claims.xms_edov));
  }
  if (hostname === GOOGLE) {
    const domain = email.slice(email.lastIndexOf('@') + 1).toLowerCase();
    const hosted = typeof claims.hd === 'string' && claims.hd.toLowerCase() === domain;
    return verified && (hosted || GOOGLE_MAIL.includes(domain));
  }
  return verified;
}
