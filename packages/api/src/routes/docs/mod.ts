/** GET /docs: the page, made of the document that /openapi.json gives. Serves nothing else. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { docsPage } from "./docs_page.ts";
import { DOCS_STYLE } from "./docs_style.ts";
import type { OpenApiDocument } from "./open_api.ts";

/** The route; `document` is asked at each request, so it may grow until then. */
export function docsRoutes(document: () => OpenApiDocument): OpenAPIHono {
  const routes = new OpenAPIHono();
  const policy = contentPolicy();
  routes.get("/docs", async (c) => {
    c.header("content-security-policy", await policy());
    return c.html(await docsPage(document(), new URL(c.req.url).origin));
  });
  return routes;
}

/** Nothing may be loaded or run; the page's own style alone is known by its hash. */
function contentPolicy(): () => Promise<string> {
  let policy: Promise<string> | undefined;
  return () => policy ??= makePolicy();
}

async function makePolicy(): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(DOCS_STYLE));
  const base64 = btoa(String.fromCharCode(...new Uint8Array(hash)));
  return [
    "default-src 'none'",
    `style-src 'sha256-${base64}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
