import { join } from 'node:path';
import type { App, Context } from '../http/context.ts';
import { caWebhookRoutes } from './caWebhookRoutes.ts';
import { conflictRoutes } from './conflictRoutes.ts';
import { deviceChangeRoutes } from './deviceChangeRoutes.ts';
import { inviteAdminRoutes } from './inviteAdminRoutes.ts';
import { createMailer, type MailOptions } from './inviteMail.ts';
import { mdmRoutes } from './mdmRoutes.ts';
import { peopleRoutes } from './peopleRoutes.ts';
import { provisioningRoutes } from './provisioningRoutes.ts';
import { settingsRoutes } from './settingsRoutes.ts';
import { tokenRoutes } from './tokenRoutes.ts';

/** What administrators do besides looking at devices and approving them. `folder` is the store's; letters without a mail server go there. */
export async function administrationRoutes(
  app: App,
  context: Context,
  options: { folder: string; mail?: MailOptions | undefined },
): Promise<void> {
  const mailer = createMailer(options.mail ?? {}, join(options.folder, 'outbox'));
  for (const routes of [
    settingsRoutes,
    provisioningRoutes,
    deviceChangeRoutes,
    conflictRoutes,
    peopleRoutes,
    tokenRoutes,
    mdmRoutes,
    caWebhookRoutes,
  ]) {
    await routes(app, context);
  }
  await inviteAdminRoutes(app, context, mailer);
}
