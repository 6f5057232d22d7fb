/** Hugging Face model folders to GGUF files. The public face of this folder; defines nothing itself. */
export {
  convertCheckpoint,
  type ConvertOptions,
  type ConvertReport,
} from "./convert_checkpoint.ts";
export { blobFolder, type ModelFolder, openFolder } from "./checkpoint/folder.ts";
