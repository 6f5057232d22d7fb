/** GGUF files: reading their head and their bytes, writing them. The public face of this folder; defines nothing itself. */
export { GGML_TYPES, type GgmlType, ggmlTypeById, ggmlTypeByName } from "./ggml_type.ts";
export { describeEntry, Metadata, type PlainValue } from "./metadata.ts";
export type {
  MetadataArray,
  MetadataEntry,
  MetadataValue,
  NumberArray,
  ValueType,
} from "./metadata_value.ts";
export { type FileSink, openFileSink } from "./file_sink.ts";
export { type OpenGguf, openGguf } from "./open_gguf.ts";
export { type Gguf, readGguf, type ReadGgufOptions } from "./reader.ts";
export { parseShardName, type ShardName, withoutShardNumber } from "./shards/shard_name.ts";
export { blobSource } from "./source/blob_source.ts";
export { openFileSource } from "./source/file_source.ts";
export { type HttpSourceOptions, openHttpSource } from "./source/http_source.ts";
export { openSource, type OpenSourceOptions } from "./source/open_source.ts";
export type { ByteSource } from "./source.ts";
export { StringArray } from "./string_array.ts";
export type { TensorInfo } from "./tensor_table.ts";
export {
  type ByteSink,
  type GgufContent,
  type TensorToWrite,
  writeGguf,
  type WriteGgufOptions,
} from "./writer.ts";
