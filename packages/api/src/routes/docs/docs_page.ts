/** The docs page: each endpoint of an OpenAPI document with a curl example, as one HTML text. Needs no script and no network. */
import { html, raw } from "hono/html";
import { DOCS_STYLE } from "./docs_style.ts";
import {
  bodyExample,
  type Endpoint,
  endpointsOf,
  examplePath,
  type OpenApiDocument,
  resolved,
  typeWords,
} from "./open_api.ts";

/** What `html` makes: a text that is escaped already. */
type Html = ReturnType<typeof html>;

const OTHER = "Other";

/** The page of a document; `origin` is where the server is reached, for the examples. */
export async function docsPage(document: OpenApiDocument, origin: string): Promise<string> {
  const { title, version, description } = document.info;
  const groups = Object.entries(
    Object.groupBy(endpointsOf(document), ({ operation }) => operation.tags?.[0] ?? OTHER),
  ) as [string, Endpoint[]][];
  const page = html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>${title}</title>
        <style>${raw(DOCS_STYLE)}</style>
      </head>
      <body>
        <div class="page">
          <nav aria-label="Endpoints">
    <strong>${title}</strong>
    ${groups.map(groupLinks)}
          </nav>
          <main>
    <h1>${title}</h1>
    <p class="quiet">Version ${version} at <code>${origin}</code>, described by <a href="/openapi.json">openapi.json</a></p>
    ${description ? html`<p>${description}</p>` : ""}
    ${groups.map(([name, endpoints]) =>
      html`<section>
<h2>${name}</h2>
${endpoints.map((endpoint) => article(endpoint, document, origin))}
</section>`
    )}
          </main>
        </div>
      </body>
    </html>
  `;
  return String(await page).trim();
}

function groupLinks([name, endpoints]: readonly [string, readonly Endpoint[]]): Html {
  return html`<h2>${name}</h2>
<ul>${
    endpoints.map((endpoint) =>
      html`<li><a href="#${anchorOf(endpoint)}">${methodMark(endpoint)} ${endpoint.path}</a></li>`
    )
  }</ul>`;
}

function article(endpoint: Endpoint, document: OpenApiDocument, origin: string): Html {
  const { path, operation } = endpoint;
  const { summary, description, deprecated } = operation;
  return html`<article id="${anchorOf(endpoint)}">
<h3>${methodMark(endpoint)} <code>${path}</code></h3>
${summary ? html`<p>${summary}${deprecated ? " (deprecated)" : ""}</p>` : ""}
${description ? html`<p class="quiet">${description}</p>` : ""}
<pre tabindex="0"><code>${curlExample(endpoint, document, origin)}</code></pre>
${fieldTable(fieldsOf(endpoint, document))}
${answerList(operation)}
</article>`;
}

function methodMark({ method }: Endpoint): Html {
  return html`<span class="method ${method}">${method.toUpperCase()}</span>`;
}

function anchorOf({ method, path }: Endpoint): string {
  return `${method}-${path.replaceAll(/[^\w]+/g, "-").replaceAll(/^-|-$/g, "") || "root"}`;
}

/** The shell command that asks an endpoint. */
export function curlExample(endpoint: Endpoint, document: OpenApiDocument, origin: string): string {
  const { method, operation } = endpoint;
  const body = bodyExample(endpoint, document);
  const flags = [
    ...(method === "head" ? ["--head"] : []),
    ...(!["get", "head"].includes(method) && !(method === "post" && body !== undefined)
      ? [`--request ${method.toUpperCase()}`]
      : []),
    ...(needsKey(operation, document) ? ['--header "authorization: Bearer $AHA_API_KEY"'] : []),
    ...(body === undefined ? [] : [
      '--header "content-type: application/json"',
      `--data ${quoted(JSON.stringify(body, null, 2))}`,
    ]),
  ];
  return [`curl ${shellWord(origin + examplePath(endpoint))}`, ...flags].join(" \\\n  ");
}

function needsKey({ security }: Endpoint["operation"], document: OpenApiDocument): boolean {
  return (security ?? document.security ?? []).length > 0;
}

function shellWord(text: string): string {
  return /^[\w:/.@%-]+$/.test(text) ? text : quoted(text);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

interface Field {
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly description: string;
}

function fieldsOf({ operation }: Endpoint, document: OpenApiDocument): Field[] {
  const parameters = (operation.parameters ?? []).map((
    { name, required, schema, description },
  ) => ({
    name,
    type: typeWords(schema ?? {}, document),
    isRequired: required ?? false,
    description: description ?? schema?.description ?? "",
  }));
  const schema = resolved(
    operation.requestBody?.content?.["application/json"]?.schema ?? {},
    document,
  );
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    type: typeWords(property, document),
    isRequired: schema.required?.includes(name) ?? false,
    description: property.description ?? resolved(property, document).description ?? "",
  }));
  return [...parameters, ...properties];
}

function fieldTable(fields: readonly Field[]): Html | "" {
  if (fields.length === 0) return "";
  return html`
    <details>
      <summary>Fields</summary>
      <table>
        <thead>
          <tr>
            <th>Name</th>
            <th>Type</th>
            <th>Meaning</th>
          </tr>
        </thead>
        <tbody>${fields.map(({ name, type, isRequired, description }) =>
          html`
            <tr>
              <td><code>${name}</code></td>
              <td>${type}${isRequired ? ", required" : ""}</td>
              <td>${description}</td>
            </tr>
          `
        )}</tbody>
      </table>
    </details>
  `;
}

function answerList({ responses = {} }: Endpoint["operation"]): Html | "" {
  const answers = Object.entries(responses);
  if (answers.length === 0) return "";
  return html`
    <details>
      <summary>Answers</summary>
      <table>
        <thead>
          <tr>
            <th>Status</th>
            <th>Meaning</th>
          </tr>
        </thead>
        <tbody>${answers.map(([status, { description = "" }]) =>
          html`
            <tr>
              <td><code>${status}</code></td>
              <td>${description}</td>
            </tr>
          `
        )}</tbody>
      </table>
    </details>
  `;
}
