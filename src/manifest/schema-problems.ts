import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { isJsonObject, type JsonObject } from '../runtime/json.ts';
import { memberPath, pointerPath } from './json-path.ts';
import { suggestion } from './nearest-name.ts';
import type { Problem } from './problem.ts';

/**
 * A validator of a schema that reports every problem, each with its path and, for a slip of the
 * keyboard, the name that was probably meant. It turns `"1"` into 1 and `1` into `"1"` in place
 * where the schema asks for it. Unknown members are warnings: the runtimes of Azure ignore them.
 */
export function schemaProblems(schema: object): (document: JsonObject, path: string) => Problem[] {
	let validate: ValidateFunction | undefined;
	return (document, path) => {
		validate ??= new Ajv({
			allErrors: true,
			coerceTypes: true,
			verbose: true,
			strict: false,
		}).compile(schema);
		validate(document);
		return (validate.errors ?? []).map((error) => problemOf(error, path));
	};
}

const typeNames: Readonly<Record<string, string>> = {
	object: 'an object',
	array: 'a list',
	string: 'a text',
	integer: 'a whole number',
	number: 'a number',
	boolean: 'true or false',
};

function problemOf(error: ErrorObject, root: string): Problem {
	const place = pointerPath(root, error.instancePath);
	const { keyword, params } = error;
	if (keyword === 'additionalProperties') return unknownMember(error, place);
	if (keyword === 'required') {
		return invalid(memberPath(place, params['missingProperty']), 'This member is missing.');
	}
	if (keyword === 'enum' || keyword === 'const') return noneOf(error, place);
	if (keyword === 'type') {
		return invalid(
			place,
			`${textOf(error.data)} is not ${typeNames[params['type']] ?? params['type']}.`,
		);
	}
	return invalid(place, `${textOf(error.data)} ${error.message ?? 'is not allowed here'}.`);
}

function noneOf({ keyword, params, data }: ErrorObject, place: string): Problem {
	const allowed: string[] = keyword === 'enum' ? params['allowedValues'] : [params['allowedValue']];
	const list = allowed.map((value) => `"${value}"`).join(', ');
	const one = allowed.length === 1;
	return invalid(
		place,
		`${textOf(data)} is ${one ? 'not' : 'none of'} ${list}.`,
		suggestion(typeof data === 'string' ? data : '', allowed) ||
			(one ? `Use ${list}.` : `Use one of ${list}.`),
	);
}

function unknownMember(error: ErrorObject, place: string): Problem {
	const name: string = error.params['additionalProperty'];
	const properties: unknown = error.parentSchema?.['properties'];
	const known = isJsonObject(properties) ? Object.keys(properties) : [];
	return {
		severity: 'warning',
		code: 'EDGE_MANIFEST_MEMBER_UNKNOWN',
		path: memberPath(place, name),
		message: `"${clip(name)}" is not a member that the runtime knows; it is ignored.`,
		remedy: suggestion(name, known) || `Remove it. Known here: ${known.join(', ')}.`,
	};
}

function invalid(path: string, message: string, remedy = ''): Problem {
	const problem: Problem = { severity: 'error', code: 'EDGE_MANIFEST_FORM', path, message };
	return remedy === '' ? problem : { ...problem, remedy };
}

function textOf(value: unknown): string {
	return clip(JSON.stringify(value) ?? 'This');
}

function clip(text: string): string {
	return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
