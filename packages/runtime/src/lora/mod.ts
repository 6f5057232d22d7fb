/** Low-rank adapters on loaded models. The public face of this folder; defines nothing itself. */
export { type Adaptable, adaptedOps } from "./adapted_ops.ts";
export { type Adapter, type Adapters, type AdapterValues, loadAdapters } from "./adapter.ts";
export { readLoraText } from "./loading/lora_text.ts";
export { readAdapter } from "./loading/read_adapter.ts";
export {
  type AdapterPlace,
  type LoraInput,
  type LoraSource,
  type NamedLora,
  namedLora,
} from "./loading/lora_source.ts";
export { readGgufAdapter, writeGgufAdapter } from "./gguf_adapter.ts";
export { mergedValues } from "./merge.ts";
export { mergeAdapter, type MergeOptions } from "./merging/merge_adapter.ts";
export { type LoraSizes, type PeftConfig, scaleOf } from "./peft_config.ts";
export { type PeftAdapter, peftAdapterFiles, readPeftAdapter } from "./peft_files.ts";
export { adapterTargets, chooseTargets, hfTensors, type Target } from "./targets.ts";
