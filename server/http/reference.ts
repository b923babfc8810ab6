import { escapeHtml } from '../oidc/pages.ts';

type Schema = { $ref?: string; [key: string]: unknown };
type Content = Record<string, { schema?: Schema }>;
type Parameter = { name: string; in: string; required?: boolean; schema?: Schema };
type Operation = {
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { content?: Content };
  responses?: Record<string, { description?: string; content?: Content }>;
};
export type OpenApiDocument = {
  paths?: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema> };
};

const schemaOf = (content: Content | undefined): Schema | undefined => Object.values(content ?? {})[0]?.schema;

/** A named schema as a link to its definition below, any other as JSON. */
function showSchema(schema: Schema): string {
  const name = /^#\/components\/schemas\/(\w+)$/.exec(schema.$ref ?? '')?.[1];
  if (name) return `<a href="#schema-${escapeHtml(name)}">${escapeHtml(name)}</a>`;
  return `<details><summary>Schema</summary><pre>${escapeHtml(JSON.stringify(schema, null, 2))}</pre></details>`;
}

function showOperation(method: string, path: string, operation: Operation): string {
  const parameters = (operation.parameters ?? []).map(
    ({ name, in: place, required, schema }) =>
      `<li><code>${escapeHtml(name)}</code> (${escapeHtml(place)}${required ? ', required' : ''}) ${schema ? showSchema(schema) : ''}</li>`,
  );
  const body = schemaOf(operation.requestBody?.content);
  const answers = Object.entries(operation.responses ?? {}).map(([status, { description = '', content }]) => {
    const schema = schemaOf(content);
    return `<li><code>${escapeHtml(status)}</code> ${schema ? showSchema(schema) : escapeHtml(description)}</li>`;
  });
  const id = escapeHtml(`${method}-${path}`);
  return `<section id="${id}"><h3><code>${escapeHtml(method.toUpperCase())} ${escapeHtml(path)}</code></h3>
<p>${escapeHtml(operation.summary ?? '')}. ${escapeHtml(operation.description ?? '')}</p>
${parameters.length > 0 ? `<h4>Parameters</h4><ul>${parameters.join('')}</ul>` : ''}
${body ? `<h4>Body</h4>${showSchema(body)}` : ''}
<h4>Answers</h4><ul>${answers.join('')}</ul></section>`;
}

/** The reference of the API as one page, from the document itself: HTML without a script, every value escaped. */
export function renderReference(document: OpenApiDocument): string {
  const groups = new Map<string, string[]>();
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(item)) {
      const tag = operation.tags?.[0] ?? 'other';
      groups.set(tag, [...(groups.get(tag) ?? []), showOperation(method, path, operation)]);
    }
  }
  const names = [...groups.keys()].sort();
  const contents = names.map((tag) => `<li><a href="#tag-${escapeHtml(tag)}">${escapeHtml(tag)}</a></li>`).join('');
  const operations = names
    .map((tag) => `<h2 id="tag-${escapeHtml(tag)}">${escapeHtml(tag)}</h2>${(groups.get(tag) ?? []).join('')}`)
    .join('');
  const schemas = Object.entries(document.components?.schemas ?? {})
    .map(
      ([name, schema]) =>
        `<section id="schema-${escapeHtml(name)}"><h3>${escapeHtml(name)}</h3><pre>${escapeHtml(JSON.stringify(schema, null, 2))}</pre></section>`,
    )
    .join('');
  return `<p>The same as a document: <a href="/api/openapi.json">OpenAPI 3.1</a>. Every error code: <a href="/api/problems">problems</a>.</p>
<nav aria-label="Contents"><ul>${contents}</ul></nav>${operations}<h2 id="schemas">Schemas</h2>${schemas}`;
}
