import { valueAt } from '../json-reading.ts';
import { badRequest } from '../status-error.ts';

/** Whether an object's fields match. */
export type FieldSelector = (object: unknown) => boolean;

/**
 * Compiles a field selector: `status.phase=Running,spec.nodeName!=a`.
 *
 * @param fields what the kind lets clients select by, besides name and namespace.
 * @throws StatusError 400 for another field or another form.
 */
export function parseFieldSelector(text: string, fields: readonly string[]): FieldSelector {
	const terms = text.split(',').filter((term) => term.trim() !== '');
	const tests = terms.map((term) => parseTerm(term, fields));
	return (object) => tests.every((matches) => matches(object));
}

function parseTerm(term: string, fields: readonly string[]): FieldSelector {
	const parts = /^\s*([A-Za-z0-9._/-]+)\s*(==|=|!=)\s*(.*?)\s*$/.exec(term);
	if (parts === null) throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
	const [, field = '', operator, wanted = ''] = parts;
	if (!['metadata.name', 'metadata.namespace', ...fields].includes(field)) {
		throw badRequest(`field label not supported: ${field}`);
	}
	const path = field.split('.');
	const positive = operator !== '!=';
	return (object) => (textOf(valueAt(object, ...path)) === wanted) === positive;
}

function textOf(value: unknown): string {
	return value === undefined || value === null ? '' : String(value);
}

/** The name that a selector asks for, so that one object need not be searched in all. */
export function selectedName(text: string): string | undefined {
	return /(?:^|,)\s*metadata\.name\s*={1,2}\s*([^,\s]+)/.exec(text)?.[1];
}
