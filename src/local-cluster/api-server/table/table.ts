import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { JsonObject, JsonValue } from '../../../runtime/json.ts';
import type { Column } from './column.ts';

/** How much of each object a row carries. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

const nameDescription = 'Name must be unique within a namespace.';

/** Objects as the table that `kubectl get` prints. */
export function tableOf(
	objects: readonly KubernetesObject[],
	columns: readonly Column[],
	options: {
		readonly include: IncludeObject;
		/** Milliseconds since the epoch, for ages. */
		readonly now: number;
		/** `metadata` of the table. */
		readonly metadata: JsonObject;
		/** A watch tells the columns once. */
		readonly withColumns: boolean;
	},
): JsonObject {
	return {
		kind: 'Table',
		apiVersion: 'meta.k8s.io/v1',
		metadata: options.metadata,
		columnDefinitions: options.withColumns ? columnDefinitions(columns) : [],
		rows: objects.map((object) => ({
			cells: [object.metadata.name, ...columns.map((item) => item.cell(object, options.now))],
			...rowObject(object, options.include),
		})),
	};
}

function columnDefinitions(columns: readonly Column[]): JsonObject[] {
	const name = { name: 'Name', type: 'string', format: 'name', priority: 0 };
	return [
		{ ...name, description: nameDescription },
		...columns.map((item) => ({
			name: item.name,
			type: item.type,
			format: '',
			description: item.description,
			priority: item.priority,
		})),
	];
}

function rowObject(object: KubernetesObject, include: IncludeObject): JsonObject {
	if (include === 'None') return {};
	if (include === 'Metadata') return { object: partialMetadata(object) };
	return { object: object as unknown as JsonValue };
}

/** An object of which only the metadata counts. */
export function partialMetadata(object: KubernetesObject): JsonObject {
	return {
		kind: 'PartialObjectMetadata',
		apiVersion: 'meta.k8s.io/v1',
		metadata: object.metadata as unknown as JsonObject,
	};
}
