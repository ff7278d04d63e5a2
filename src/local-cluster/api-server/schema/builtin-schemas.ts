import { accessSchemas } from './access-schemas.ts';
import { coreSchemas } from './core-schemas.ts';
import { definitionSchemas } from './definition-schemas.ts';
import { metaSchemas } from './meta-schemas.ts';
import { podSchemas } from './pod-schemas.ts';
import type { StructSchema } from './schema.ts';
import { parseSchemaTables } from './schema-table.ts';
import { workloadSchemas } from './workload-schemas.ts';

/** Every type of the built-in kinds by name, e.g. `Deployment`, `PodSpec`, `ObjectMeta`. */
export const builtinSchemas = parseSchemaTables([
	metaSchemas,
	podSchemas,
	workloadSchemas,
	coreSchemas,
	accessSchemas,
	definitionSchemas,
]);

/** A built-in type. @throws RangeError for a name that is not in the tables. */
export function builtinSchema(name: string): StructSchema {
	const schema = builtinSchemas.get(name);
	if (schema === undefined) throw new RangeError(`There is no built-in type ${name}.`);
	return schema;
}
