import type { JsonObject } from '../../../runtime/json.ts';
import { listAt, objectAt, objectsAt, textAt } from '../json-reading.ts';
import { badRequest } from '../status-error.ts';

type Operator = '=' | '!=' | 'in' | 'notin' | 'exists' | '!' | '>' | '<';

interface Requirement {
	readonly key: string;
	readonly operator: Operator;
	readonly values: readonly string[];
}

/** Whether an object's labels match. */
export type LabelSelector = (labels: Readonly<Record<string, string>>) => boolean;

const keyForm = '[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?';
const valueForm = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;
const setForm = new RegExp(String.raw`^(${keyForm})\s+(in|notin)\s*\(([^)]*)\)$`);
const equalForm = new RegExp(String.raw`^(${keyForm})\s*(==|=|!=|>|<)\s*(\S*)$`);
const existsForm = new RegExp(String.raw`^(!?)\s*(${keyForm})$`);

/**
 * Compiles a selector in the query form: `app=web,tier in (a,b),!old`.
 *
 * @throws StatusError 400 when it cannot be read.
 */
export function parseLabelSelector(text: string): LabelSelector {
	const terms = splitTerms(text);
	return matchAll(terms.map((term) => parseTerm(term, text)));
}

/** Commas inside of parentheses do not separate. */
function splitTerms(text: string): string[] {
	const terms = text.split(/,(?![^(]*\))/).map((term) => term.trim());
	return terms.filter((term) => term !== '');
}

function parseTerm(term: string, text: string): Requirement {
	const set = setForm.exec(term);
	if (set !== null) {
		const values = (set[4] ?? '').split(',').map((value) => value.trim());
		return checked({ key: set[1] ?? '', operator: set[3] as Operator, values }, text);
	}
	const equal = equalForm.exec(term);
	if (equal !== null) {
		const operator = (equal[3] === '==' ? '=' : equal[3]) as Operator;
		return checked({ key: equal[1] ?? '', operator, values: [equal[4] ?? ''] }, text);
	}
	const exists = existsForm.exec(term);
	if (exists === null) throw badRequest(`unable to parse requirement: ${JSON.stringify(text)}`);
	return { key: exists[2] ?? '', operator: exists[1] === '!' ? '!' : 'exists', values: [] };
}

function checked(requirement: Requirement, text: string): Requirement {
	if (requirement.values.every((value) => valueForm.test(value))) return requirement;
	throw badRequest(`unable to parse requirement: ${JSON.stringify(text)}`);
}

const operators: Readonly<Record<string, Operator>> = {
	In: 'in',
	NotIn: 'notin',
	Exists: 'exists',
	DoesNotExist: '!',
};

/** Compiles a `LabelSelector` object. An empty one matches everything, an absent one nothing. */
export function compileLabelSelector(selector: JsonObject | undefined): LabelSelector {
	if (selector === undefined) return () => false;
	const requirements: Requirement[] = [];
	for (const [key, value] of Object.entries(objectAt(selector, 'matchLabels'))) {
		requirements.push({ key, operator: '=', values: [String(value)] });
	}
	for (const expression of objectsAt(selector, 'matchExpressions')) {
		requirements.push({
			key: textAt(expression, 'key'),
			operator: operators[textAt(expression, 'operator')] ?? 'exists',
			values: listAt(expression, 'values').map(String),
		});
	}
	return matchAll(requirements);
}

function matchAll(requirements: readonly Requirement[]): LabelSelector {
	return (labels) => requirements.every((requirement) => matches(requirement, labels));
}

function matches(requirement: Requirement, labels: Readonly<Record<string, string>>): boolean {
	const { key, operator, values } = requirement;
	const present = Object.hasOwn(labels, key);
	const value = labels[key] ?? '';
	switch (operator) {
		case '=':
		case 'in':
			return present && values.includes(value);
		case '!=':
		case 'notin':
			return !present || !values.includes(value);
		case 'exists':
			return present;
		case '!':
			return !present;
		case '>':
			return present && Number(value) > Number(values[0]);
		case '<':
			return present && Number(value) < Number(values[0]);
	}
}

/** The query form of a `LabelSelector` object, as `status.selector` of a Scale carries it. */
export function formatLabelSelector(selector: JsonObject): string {
	const labels = Object.entries(objectAt(selector, 'matchLabels')).map(
		([key, value]) => `${key}=${String(value)}`,
	);
	const expressions = objectsAt(selector, 'matchExpressions').map((expression) => {
		const key = textAt(expression, 'key');
		const values = `(${listAt(expression, 'values').map(String).join(',')})`;
		switch (textAt(expression, 'operator')) {
			case 'In':
				return `${key} in ${values}`;
			case 'NotIn':
				return `${key} notin ${values}`;
			case 'DoesNotExist':
				return `!${key}`;
			default:
				return key;
		}
	});
	return [...labels, ...expressions].sort().join(',');
}
