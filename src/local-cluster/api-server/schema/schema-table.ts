import type { JsonValue } from '../../../runtime/json.ts';
import {
	anySchema,
	type Field,
	type ListSchema,
	type ScalarKind,
	type Schema,
	type SpreadFields,
	type StructSchema,
} from './schema.ts';

const scalars: ReadonlySet<string> = new Set<ScalarKind>([
	'string',
	'int',
	'number',
	'bool',
	'quantity',
	'intOrString',
	'time',
	'bytes',
]);

/**
 * The types that some tables describe. A table has one paragraph a type: its name (behind `@` when
 * one field manager owns it as a whole), then indented its fields, each `name:type`.
 *
 * - `name!:` the field is required; `type=text` what the server fills in; `type%` patches may
 *   carry `$retainKeys`.
 * - The order of the fields is that of their numbers in Kubernetes' Protobuf messages, beginning
 *   with 1; `#n` says that the next field has the number n.
 * - `...:type` the fields of that type are members of this one, but in Protobuf a message of their
 *   own.
 * - A type is a scalar, `any`, words separated by `|`, the name of a type, `<type>` (a map),
 *   `@<type>` (a map owned as a whole), or a list: `[type]` replaced as a whole, `[type]{}` a set,
 *   `[type]{key,key}` elements told apart by keys, `[type]~key` owned as a whole and merged by a
 *   key in strategic merge patches only.
 */
export function parseSchemaTables(tables: readonly string[]): ReadonlyMap<string, StructSchema> {
	const rows = new Map<string, string>();
	let name = '';
	for (const line of tables.join('\n').split('\n')) {
		if (line.startsWith('\t')) rows.set(name, `${rows.get(name)} ${line.trim()}`);
		else if (line !== '') {
			name = line;
			rows.set(name, '');
		}
	}
	return new SchemaTable(rows).all();
}

class SchemaTable {
	readonly #rows = new Map<string, { readonly atomic: boolean; readonly fields: string }>();
	readonly #done = new Map<string, StructSchema>();

	constructor(rows: ReadonlyMap<string, string>) {
		for (const [heading, fields] of rows) {
			const atomic = heading.startsWith('@');
			this.#rows.set(atomic ? heading.slice(1) : heading, { atomic, fields });
		}
	}

	all(): ReadonlyMap<string, StructSchema> {
		for (const name of this.#rows.keys()) this.#struct(name);
		return this.#done;
	}

	#struct(name: string): StructSchema {
		const done = this.#done.get(name);
		if (done !== undefined) return done;
		const row = this.#rows.get(name);
		if (row === undefined) throw new RangeError(`The schema table has no type ${name}.`);
		const fields = new Map<string, Field>();
		const spread: SpreadFields[] = [];
		let number = 1;
		for (const token of row.fields.split(' ').filter((text) => text !== '')) {
			if (token.startsWith('#')) {
				number = Number(token.slice(1));
				continue;
			}
			if (token.startsWith('...:')) {
				const schema = this.#struct(token.slice(4));
				spread.push({ number, schema });
				for (const [fieldName, field] of schema.fields) fields.set(fieldName, field);
			} else {
				const [fieldName, field] = this.#field(token, number);
				fields.set(fieldName, field);
			}
			number += 1;
		}
		const struct: StructSchema = {
			kind: 'struct',
			name,
			fields,
			spread,
			atomic: row.atomic,
			open: false,
		};
		this.#done.set(name, struct);
		return struct;
	}

	#field(token: string, number: number): [string, Field] {
		const parts = /^([^:!]+)(!?):([^=%]+)(%?)(?:=(.*))?$/.exec(token);
		if (parts === null) throw new RangeError(`The schema table has the faulty field ${token}.`);
		const [, name = '', required, type = '', retainKeys, fallback] = parts;
		const schema = this.#type(type);
		const field: Field = {
			schema,
			number,
			required: required === '!',
			retainKeys: retainKeys === '%',
		};
		return [
			name,
			fallback === undefined ? field : { ...field, default: defaultOf(schema, fallback) },
		];
	}

	#type(text: string): Schema {
		if (text.startsWith('[')) return this.#list(text);
		if (text.startsWith('<')) return this.#map(text, false);
		if (text.startsWith('@<')) return this.#map(text.slice(1), true);
		if (text === 'any') return anySchema;
		if (scalars.has(text)) return { kind: text as ScalarKind };
		if (text.includes('|')) return { kind: 'string', values: text.split('|') };
		return this.#struct(text);
	}

	#map(text: string, atomic: boolean): Schema {
		return { kind: 'map', element: this.#type(text.slice(1, -1)), atomic };
	}

	#list(text: string): ListSchema {
		const end = text.lastIndexOf(']');
		const element = this.#type(text.slice(1, end));
		const suffix = text.slice(end + 1);
		const list = { kind: 'list', element } as const;
		if (suffix === '{}') return { ...list, topology: 'set', keys: [] };
		if (suffix.startsWith('{')) {
			const keys = suffix.slice(1, -1).split(',');
			return { ...list, topology: 'map', keys, mergeKey: keys[0] ?? '' };
		}
		const atomic = { ...list, topology: 'atomic', keys: [] } as const;
		return suffix.startsWith('~') ? { ...atomic, mergeKey: suffix.slice(1) } : atomic;
	}
}

function defaultOf(schema: Schema, text: string): JsonValue {
	if (schema.kind === 'int') return Number(text);
	if (schema.kind === 'bool') return text === 'true';
	return schema.kind === 'struct' ? {} : text;
}
