/** Whether a text is a webhook id as the server takes it (contract/caWebhooks.ts, whose schemas stay out of the browser). */
export const isWebhookId = (text: string): boolean => /^[A-Za-z0-9_-]{1,64}$/.test(text);

/** Whether a text is a secret as step-ca prints it: standard base64 with padding. */
export const isWebhookSecret = (text: string): boolean =>
  text.length >= 24 && text.length <= 256 && text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
