/** Paths that anybody may ask: they tell nothing of models and cost no place. */
const OPEN_PATHS = new Set(["/", "/health", "/v1/health", "/openapi.json", "/docs"]);

export function isOpenPath(path: string): boolean {
  return OPEN_PATHS.has(path);
}
