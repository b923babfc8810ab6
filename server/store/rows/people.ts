/** `issuer` and `subject` are null until the person signed in for the first time; a person is that pair, never an address. */
export interface UserRow {
  id: string;
  issuer: string | null;
  subject: string | null;
  email: string;
  email_lower: string;
  display_name: string | null;
  role: string | null;
  active: number;
  created_at: number;
  last_sign_in_at: number | null;
}

export interface SessionRow {
  hash: string;
  user_id: string;
  created_at: number;
  seen_at: number;
  expires_at: number;
  revoked_at: number | null;
}

/** One walk to the organization's identity provider, bound to the browser that holds the cookie. */
export interface SignInRow {
  hash: string;
  purpose: string;
  state: string;
  nonce: string;
  verifier: string;
  user_id: string | null;
  created_at: number;
  expires_at: number;
}

export interface TokenRow {
  id: string;
  hash: string;
  name: string;
  scopes: string;
  created_by: string;
  /** The person who made it; null where whoever runs the server did. */
  created_by_id: string | null;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
  revoked_at: number | null;
}

export interface InviteRow {
  id: string;
  hash: string;
  email: string;
  email_lower: string;
  created_by: string;
  created_at: number;
  expires_at: number;
  opened_at: number | null;
  used_at: number | null;
  revoked_at: number | null;
  device_id: string | null;
}

export interface ProvisioningTokenRow {
  id: string;
  hash: string;
  name: string;
  created_by: string;
  created_at: number;
  expires_at: number;
  max_uses: number | null;
  uses: number;
  /** JSON array of permanent identifiers, or null for any. */
  identifiers: string | null;
  last_used_at: number | null;
  revoked_at: number | null;
}
