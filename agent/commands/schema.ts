import { z } from 'zod';
import { type Handler, UsageError } from '../command.ts';
import { EXIT } from '../exitCodes.ts';
import { OUTPUTS } from '../schemas.ts';

export const schema: Handler = async (values, context) => {
  const words = values.rest.join(' ');
  const name = words === 'tpm' ? 'tpm --fingerprint' : words;
  const found = Object.entries(OUTPUTS).find(([known]) => known === name)?.[1];
  if (!found) throw new UsageError(`There is no JSON output "${name}"; there are ${Object.keys(OUTPUTS).join(', ')}.`);
  context.out(`${JSON.stringify(z.toJSONSchema(found), null, 2)}\n`);
  return EXIT.ok;
};
