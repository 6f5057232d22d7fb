/** Output that keeps to a schema: masks over a vocabulary, and a check of values. Defines nothing itself. */
export { compileConstraint, type CompiledConstraint } from "./compile_constraint.ts";
export type { ConstraintSpec, JsonSchema } from "./constraint_spec.ts";
export { UnsupportedSchemaError } from "./unsupported_schema_error.ts";
export { type SchemaViolation, validate } from "./validation/validate.ts";
