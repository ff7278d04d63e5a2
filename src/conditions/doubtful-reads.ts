import { systemPropertyNames } from '../protocol/message.ts';
import type { MessageRead } from './message-read.ts';

/** Literals are in lower case only; in another case they are names of properties. */
const literalInOtherCase = /^(?:true|false|null|undefined)$/i;

/** Characters that may be in a name, and are mostly meant as operators or quotes. */
const operatorInName = /[!+*%&|'^~]/;

/** What people write → what it is called in conditions of the edge hub. */
const otherNames: ReadonlyMap<string, string> = new Map([
	['$correlationid', '$cid'],
	['$expirytimeutc', '$absolute-expiry-time'],
	['$creationtimeutc', '$creationTime'],
]);

const known = new Set([...systemPropertyNames].map((name) => `$${name.toLowerCase()}`));

/**
 * What a condition looks at that its author has hardly meant: it compiles, and never becomes true.
 *
 * @returns one sentence each
 */
export function doubtsOf(reads: readonly MessageRead[]): string[] {
	return reads.flatMap(({ kind, name }) => {
		if (kind === 'property') return doubtOfProperty(name) ?? [];
		return kind === 'system-property' ? (doubtOfSystemProperty(name) ?? []) : [];
	});
}

function doubtOfProperty(name: string): string | undefined {
	if (literalInOtherCase.test(name)) {
		return `${name} is the name of a property; the literal is ${name.toLowerCase()}.`;
	}
	if (!operatorInName.test(name)) return undefined;
	return `${name} is the name of a property: blanks separate names from operators, as in p != 'x'.`;
}

function doubtOfSystemProperty(name: string): string | undefined {
	const lower = name.toLowerCase();
	if (known.has(lower)) return undefined;
	const other = otherNames.get(lower);
	return `No message has the system property ${name}${other === undefined ? '' : `; it is called ${other}`}.`;
}
