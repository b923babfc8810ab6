import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';

export type MailOptions = {
  /** `smtp://` or `smtps://` address of the mail server, with user and password where it asks for them. */
  smtp?: string;
  /** Sender, such as `Muster <muster@example.com>`. */
  from?: string;
};
export type Letter = { id: string; to: string; subject: string; text: string };
export type Delivery = { delivery: 'mailed' | 'outbox' | 'failed'; detail: string };
export type Mailer = (letter: Letter) => Promise<Delivery>;

const FROM = 'Muster <muster@localhost>';
const TIMEOUT_MS = 15_000;

/**
 * Sends letters through SMTP; without a mail server, or where it fails, leaves them as `.eml` files in the outbox folder, readable by the
 * server's account only, since they hold an invite's link.
 */
export function createMailer(options: MailOptions, outbox: string): Mailer {
  const from = options.from ?? FROM;
  const smtp = options.smtp
    ? createTransport(options.smtp, { connectionTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS } as never)
    : undefined;
  const file = createTransport({ streamTransport: true, buffer: true });
  const keep = async (letter: Letter): Promise<string> => {
    const { message } = await file.sendMail({ from, to: letter.to, subject: letter.subject, text: letter.text });
    await mkdir(outbox, { recursive: true, mode: 0o700 });
    const name = `${letter.id}.eml`;
    await writeFile(join(outbox, name), message as Buffer, { mode: 0o600 });
    return name;
  };
  return async (letter) => {
    if (smtp) {
      try {
        await smtp.sendMail({ from, to: letter.to, subject: letter.subject, text: letter.text });
        return { delivery: 'mailed', detail: 'The invite was handed to the mail server.' };
      } catch (error) {
        const why = (error as { code?: string }).code ?? 'unknown fault';
        const name = await keep(letter);
        return {
          delivery: 'failed',
          detail: `The mail server did not take it (${why}). Copy the link, or send outbox/${name}.`,
        };
      }
    }
    const name = await keep(letter);
    return { delivery: 'outbox', detail: `No mail server is set up. Copy the link, or send outbox/${name}.` };
  };
}
