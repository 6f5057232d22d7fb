/** Model files by name: the cache and how they get there. The public face of this folder; defines nothing itself. */
export { cacheFolder, modelsFolder } from "./cache_folder.ts";
export { elementsOf, type FileFacts, fileFacts, type TypeShare, typeShares } from "./file_facts.ts";
export { pull, type PullOptions, type PullProgress } from "./pull.ts";
export { resolveModel } from "./resolve_model.ts";
export { listModels, removeModel, type StoredModel, type StoreOptions } from "./store.ts";
