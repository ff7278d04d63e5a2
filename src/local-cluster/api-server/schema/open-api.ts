import type { JsonObject, JsonValue } from '../../../runtime/json.ts';
import type { ResourceKind } from '../kinds/resource-kind.ts';
import type { ListSchema, ScalarKind, Schema, StructSchema } from './schema.ts';

/** Where a version of OpenAPI keeps its definitions. */
type Form = 'v2' | 'v3';

const prefixes: Readonly<Record<Form, string>> = {
	v2: '#/definitions/',
	v3: '#/components/schemas/',
};

/** The OpenAPI 2 document of all kinds. */
export function openApiV2(kinds: readonly ResourceKind[]): JsonObject {
	const document = new Document('v2');
	const paths = document.paths(kinds);
	return {
		swagger: '2.0',
		info: { title: 'Kubernetes', version: 'v1' },
		paths,
		definitions: document.definitions(),
	};
}

/** The OpenAPI 3 document of the kinds of one group and version. */
export function openApiV3(kinds: readonly ResourceKind[]): JsonObject {
	const document = new Document('v3');
	const paths = document.paths(kinds);
	return {
		openapi: '3.0.0',
		info: { title: 'Kubernetes', version: 'v1' },
		paths,
		components: { schemas: document.definitions() },
	};
}

class Document {
	readonly #form: Form;
	readonly #definitions = new Map<string, JsonObject>();

	constructor(form: Form) {
		this.#form = form;
	}

	definitions(): JsonObject {
		return Object.fromEntries(this.#definitions);
	}

	/** Paths as far as clients read them: which kinds there are, and what a patch's query may hold. */
	paths(kinds: readonly ResourceKind[]): JsonObject {
		const paths: [string, JsonObject][] = [];
		for (const kind of kinds) {
			this.#kind(kind);
			const { group, version, plural, namespaced } = kind;
			const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
			const place = namespaced ? `${root}/namespaces/{namespace}` : root;
			const operation = this.#operation(kind);
			paths.push([`${place}/${plural}`, { post: operation('post') }]);
			if (kind.isQuestion) continue;
			paths.push([
				`${place}/${plural}/{name}`,
				{ get: operation('get'), put: operation('put'), patch: operation('patch') },
			]);
		}
		return Object.fromEntries(paths);
	}

	#operation({ group, version, kind, plural }: ResourceKind) {
		return (action: string): JsonObject => ({
			operationId: `${action}${version}${kind}`,
			parameters: queryParameters.map((name) => this.#parameter(name)),
			responses: { 200: { description: 'OK' } },
			'x-kubernetes-action': action,
			'x-kubernetes-group-version-kind': { group, version, kind },
			tags: [plural],
		});
	}

	#parameter(name: string): JsonObject {
		const place = { name, in: 'query' };
		if (this.#form === 'v2') return { ...place, type: 'string', uniqueItems: true };
		return { ...place, schema: { type: 'string', uniqueItems: true } };
	}

	#kind(kind: ResourceKind): void {
		const name = definitionName(kind);
		const own = kind.custom?.openApiSchema as JsonObject | undefined;
		const body = own === undefined ? this.#struct(kind.schema) : structuredClone(own);
		const properties = {
			apiVersion: { type: 'string' },
			kind: { type: 'string' },
			...(body['properties'] as JsonObject | undefined),
		};
		const metadata = kind.schema.fields.get('metadata');
		if (own !== undefined && metadata !== undefined) {
			Object.assign(properties, { metadata: this.#schema(metadata.schema) });
		}
		const { group, version } = kind;
		this.#definitions.set(name, {
			...body,
			properties,
			'x-kubernetes-group-version-kind': [{ group, version, kind: kind.kind }],
		});
	}

	#struct(schema: StructSchema): JsonObject {
		const properties = [...schema.fields].map(([name, field]) => {
			const value = this.#schema(field.schema);
			return [name, field.retainKeys ? withStrategy(value, 'retainKeys') : value];
		});
		const required = [...schema.fields].filter(([, field]) => field.required);
		return {
			type: 'object',
			properties: Object.fromEntries(properties),
			...(required.length === 0 ? {} : { required: required.map(([name]) => name) }),
			...(schema.atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
		};
	}

	#schema(schema: Schema): JsonObject {
		switch (schema.kind) {
			case 'any':
				return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
			case 'struct':
				return this.#reference(schema);
			case 'map':
				return {
					type: 'object',
					additionalProperties: this.#schema(schema.element),
					...(schema.atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
				};
			case 'list':
				return { type: 'array', items: this.#schema(schema.element), ...listExtensions(schema) };
			default:
				return {
					...scalarTypes[schema.kind],
					...(schema.values === undefined ? {} : { enum: [...schema.values] }),
				};
		}
	}

	#reference(schema: StructSchema): JsonObject {
		const name = `io.k8s.api.${schema.name}`;
		if (!this.#definitions.has(name)) {
			this.#definitions.set(name, {});
			this.#definitions.set(name, this.#struct(schema));
		}
		const reference = { $ref: `${prefixes[this.#form]}${name}` };
		// OpenAPI 3 allows nothing next to a reference.
		return this.#form === 'v2' ? reference : { allOf: [reference] };
	}
}

const queryParameters = ['dryRun', 'fieldManager', 'fieldValidation', 'force', 'pretty'];

const scalarTypes: Readonly<Record<ScalarKind, JsonObject>> = {
	string: { type: 'string' },
	int: { type: 'integer', format: 'int64' },
	number: { type: 'number', format: 'double' },
	bool: { type: 'boolean' },
	quantity: { type: 'string' },
	intOrString: { type: 'string', format: 'int-or-string' },
	time: { type: 'string', format: 'date-time' },
	bytes: { type: 'string', format: 'byte' },
};

/** `io.k8s.api.apps.v1.Deployment`, or for others the group backwards: `com.example.v1.Widget`. */
function definitionName({ group, version, kind, custom }: ResourceKind): string {
	if (custom !== undefined) return `${group.split('.').reverse().join('.')}.${version}.${kind}`;
	return `io.k8s.api.${group.split('.')[0] || 'core'}.${version}.${kind}`;
}

function listExtensions(schema: ListSchema): JsonObject {
	const extensions: JsonObject = { 'x-kubernetes-list-type': schema.topology };
	if (schema.keys.length > 0) extensions['x-kubernetes-list-map-keys'] = [...schema.keys];
	if (schema.mergeKey !== undefined) {
		extensions['x-kubernetes-patch-merge-key'] = schema.mergeKey;
		extensions['x-kubernetes-patch-strategy'] = 'merge';
	} else if (schema.topology === 'set') {
		extensions['x-kubernetes-patch-strategy'] = 'merge';
	}
	return extensions;
}

function withStrategy(schema: JsonObject, strategy: string): JsonObject {
	const other: JsonValue | undefined = schema['x-kubernetes-patch-strategy'];
	const strategies = other === undefined ? strategy : `${String(other)},${strategy}`;
	return { ...schema, 'x-kubernetes-patch-strategy': strategies };
}
