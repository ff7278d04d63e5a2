import { createHash } from 'node:crypto';

const maxLabel = 63;
const maxName = 253;
const hashLength = 8;

/** The first hexadecimal digits of a text's SHA-256: equal on every machine and in every version. */
export function shortHash(text: string, length = hashLength): string {
	return createHash('sha256').update(text).digest('hex').slice(0, length);
}

/**
 * A DNS label: letters, digits and `-` inside; `start` says whether it may start with a digit
 * (RFC 1123) or not (RFC 1035).
 *
 * @returns undefined where nothing remains or more than 63 characters do.
 */
export function sanitizeDnsLabel(
	text: string,
	start: 'rfc1123' | 'rfc1035' = 'rfc1123',
): string | undefined {
	const lead = start === 'rfc1123' ? /^[^a-z0-9]+/ : /^[^a-z]+/;
	const label = trimEnd(text.toLowerCase().replace(lead, '')).replace(/[^a-z0-9-]/g, '');
	return label === '' || label.length > maxLabel ? undefined : label;
}

/** A DNS domain of RFC 1035 labels; undefined where a label is empty or too long. */
export function sanitizeDomain(text: string): string | undefined {
	const labels = text.split('.').map((label) => sanitizeDnsLabel(label, 'rfc1035'));
	if (labels.some((label) => label === undefined)) return undefined;
	const domain = labels.join('.');
	return domain.length > maxName ? undefined : domain;
}

/**
 * A label's value as the preview wrote it: lower case, ends trimmed to letters and digits.
 *
 * @returns undefined where nothing remains or more than 63 characters do.
 */
export function sanitizeLabelValue(text: string): string | undefined {
	const lower = text.toLowerCase().replace(/^[^a-z0-9]+/, '');
	const value = trimEnd(lower).replace(/[^a-z0-9._-]/g, '');
	return value === '' || value.length > maxLabel ? undefined : value;
}

/** A label's value for any text: as the preview wrote it where that is valid, else cut and hashed. */
export function labelValue(text: string): string {
	const value = sanitizeLabelValue(text);
	if (value !== undefined) return value;
	const hash = shortHash(text);
	const core = text
		.toLowerCase()
		.replace(/[^a-z0-9]/g, '')
		.slice(0, maxLabel - hash.length - 1);
	return core === '' ? hash : `${core}-${hash}`;
}

/** An annotation's key made of a Docker label: an optional domain before `/`, then the name. */
export function sanitizeAnnotationKey(text: string): string | undefined {
	const slash = text.indexOf('/');
	const domain = slash < 0 ? undefined : sanitizeDomain(text.slice(0, slash));
	if (slash >= 0 && domain === undefined) return undefined;
	const name = text
		.slice(slash + 1)
		.replace(/^[^A-Za-z0-9]+/, '')
		.replace(/[^A-Za-z0-9._-]/g, '');
	const trimmed = trimEnd(name);
	if (trimmed === '' || trimmed.length > maxLabel) return undefined;
	return domain === undefined ? trimmed : `${domain}/${trimmed}`;
}

/** Without what is neither letter nor digit at the end. One pass, however long the tail. */
function trimEnd(text: string): string {
	let end = text.length;
	while (end > 0 && !/[A-Za-z0-9]/.test(text.charAt(end - 1))) end -= 1;
	return text.slice(0, end);
}

/** How a set of names is made valid and unique. */
export interface NamingRule {
	/** What a bare name must look like. */
	readonly valid: RegExp;
	/** Put before a name that cannot start as it does. */
	readonly prefix: string;
}

/** Names of workloads, containers and Services: RFC 1035 labels, the strictest that must hold. */
export const moduleNaming: NamingRule = {
	valid: /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/,
	prefix: 'm-',
};
/** Names of claims and volumes: RFC 1123 labels. */
export const volumeNaming: NamingRule = {
	valid: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
	prefix: '',
};

/**
 * A valid name for each id, no two alike, whatever the order of the ids. An id that is valid but
 * for its case keeps its lower-case form, as in Microsoft's preview; an id that loses characters,
 * is too long, or clashes with another gets a hash of itself at the end. Of ids that differ in
 * case alone, the one in lower case keeps the bare name.
 *
 * @param taken Names that are not free.
 */
export function uniqueNames(
	ids: Iterable<string>,
	rule: NamingRule,
	taken: Iterable<string> = [],
): Map<string, string> {
	const sorted = [...new Set(ids)].sort();
	const claimants = Map.groupBy(sorted, (id) => id.toLowerCase());
	const used = new Set(taken);
	const names = new Map<string, string>();
	for (const [bare, rivals] of claimants) {
		const owner = rivals.length === 1 ? rivals[0] : rivals.find((id) => id === bare);
		if (owner === undefined || used.has(bare) || !rule.valid.test(bare)) continue;
		names.set(owner, bare);
		used.add(bare);
	}
	for (const id of sorted) {
		if (names.has(id)) continue;
		const name = hashedName(id, rule, used);
		names.set(id, name);
		used.add(name);
	}
	return names;
}

function hashedName(id: string, rule: NamingRule, used: ReadonlySet<string>): string {
	const letters = trimEnd(id.toLowerCase().replace(/[^a-z0-9-]/g, '')).replace(/^-+/, '');
	const core = rule.valid.test(`${letters.charAt(0)}x`) ? letters : `${rule.prefix}${letters}`;
	for (let length = hashLength; ; length += hashLength) {
		const hash = shortHash(id, length);
		const head = trimEnd(core.slice(0, maxLabel - hash.length - 1));
		const name = head === '' ? hash : `${head}-${hash}`;
		if (!used.has(name)) return name;
	}
}

/** A name with a hash at the end that still fits a DNS label. */
export function withSuffix(name: string, suffix: string): string {
	return `${trimEnd(name.slice(0, maxLabel - suffix.length - 1))}-${suffix}`;
}
