import { createHash } from 'node:crypto';
import type { JsonObject } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { parseQuery } from './query-parser.ts';
import { type Collection, hubCollections } from './query-syntax.ts';
import { type KeyedRow, runQuery } from './run-query.ts';

/** What a page of results is asked by. */
export interface PageRequest {
	readonly query: string;
	/** Rows at most; default 100, at most 1000. */
	readonly size?: number;
	/** From the page before. */
	readonly continuation?: string;
}

/** Part of a query's result. */
export interface QueryPage {
	readonly rows: readonly JsonObject[];
	/** What the rows are; `raw` where columns were selected. */
	readonly type: (typeof itemTypes)[Collection] | 'raw';
	/** Where the next page begins; absent on the last one. */
	readonly continuation?: string;
}

const itemTypes = {
	devices: 'twin',
	'devices.modules': 'twin',
	'devices.jobs': 'deviceJob',
	enrollments: 'enrollment',
	enrollmentgroups: 'enrollmentGroup',
	deviceregistrationstates: 'deviceRegistration',
} as const satisfies Record<Collection, string>;

const defaultPageSize = 100;
const maxPageSize = 1000;

/**
 * Runs a query for one page. Pages go by keys, so that rows that come and go between two pages
 * neither repeat nor hide others.
 *
 * @param collections that may be read from
 * @throws IotHubError ArgumentInvalid
 */
export function queryPage(
	request: PageRequest,
	rowsOf: (collection: Collection) => Iterable<KeyedRow>,
	collections: readonly Collection[] = hubCollections,
): QueryPage {
	const query = parseQuery(request.query, collections);
	const size = Math.min(request.size ?? defaultPageSize, maxPageSize);
	const { after, before } = positionOf(request);
	const left = (query.top ?? Number.POSITIVE_INFINITY) - before;
	const rows: KeyedRow[] = [];
	let more = false;
	const { top, ...unlimited } = query;
	for (const keyed of runQuery(unlimited, rowsOf(query.from))) {
		if (after !== undefined && keyed[0] <= after) continue;
		more = rows.length >= Math.min(size, left);
		if (more) break;
		rows.push(keyed);
	}
	const last = rows.at(-1)?.[0];
	const continued = more && last !== undefined && rows.length < left;
	return {
		rows: rows.map(([, row]) => row),
		type: query.columns === undefined ? itemTypes[query.from] : 'raw',
		...(continued
			? { continuation: continuationOf(request.query, last, before + rows.length) }
			: {}),
	};
}

function continuationOf(query: string, last: string, count: number): string {
	const position = [fingerprintOf(query), last, count];
	return Buffer.from(JSON.stringify(position)).toString('base64url');
}

function positionOf({ query, continuation }: PageRequest): { after?: string; before: number } {
	if (continuation === undefined || continuation === '') return { before: 0 };
	const text = Buffer.from(continuation, 'base64url').toString();
	const position = parsed(text);
	if (!Array.isArray(position)) throw badToken();
	const [fingerprint, after, before] = position as unknown[];
	const known = fingerprint === fingerprintOf(query);
	if (!known || typeof after !== 'string' || typeof before !== 'number') throw badToken();
	return { after, before };
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function fingerprintOf(query: string): string {
	return createHash('sha256').update(query).digest('base64url').slice(0, 16);
}

function badToken(): IotHubError {
	return new IotHubError('ArgumentInvalid', 'The continuation token is not one of this query.');
}
