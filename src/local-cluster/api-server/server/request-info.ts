import { selectedName } from '../selectors/field-selector.ts';

/** What a request is about, read from its method, path and query. */
export interface RequestInfo {
	readonly method: string;
	readonly path: string;
	readonly query: URLSearchParams;
	/** The verb of authorization. */
	readonly verb: string;
	/** Undefined where the path names no resource. */
	readonly resource: ResourcePath | undefined;
}

/** The parts of a resource's path. */
export interface ResourcePath {
	readonly group: string;
	readonly version: string;
	readonly plural: string;
	readonly namespace: string | undefined;
	/** Undefined for a collection. */
	readonly name: string | undefined;
	/** Empty where there is none. */
	readonly subresource: string;
}

const verbs: Readonly<Record<string, string>> = {
	GET: 'get',
	HEAD: 'get',
	POST: 'create',
	PUT: 'update',
	PATCH: 'patch',
	DELETE: 'delete',
};

/** Reads a request line. @throws URIError for a path with a broken escape. */
export function readRequest(method: string, target: string): RequestInfo {
	const url = new URL(target, 'https://localhost');
	const { pathname: path, searchParams: query } = url;
	const resource = readResource(path);
	return { method, path, query, resource, verb: verbOf(method, resource, query) };
}

function readResource(path: string): ResourcePath | undefined {
	const parts = path.split('/').slice(1).map(decodeURIComponent);
	if (parts.at(-1) === '') parts.pop();
	if (parts[0] === 'api' && parts.length > 2) return resourceOf('', parts[1] ?? '', parts.slice(2));
	if (parts[0] === 'apis' && parts.length > 3) {
		return resourceOf(parts[1] ?? '', parts[2] ?? '', parts.slice(3));
	}
	return undefined;
}

/** What may follow a namespace's own name. */
const namespaceDoors = ['status', 'finalize'];

function resourceOf(group: string, version: string, parts: readonly string[]): ResourcePath {
	const [first = '', second, third] = parts;
	if (first === 'namespaces' && third !== undefined && !namespaceDoors.includes(third)) {
		const [, namespace, plural = '', name, ...rest] = parts;
		return { group, version, plural, namespace, name, subresource: rest.join('/') };
	}
	const subresource = parts.slice(2).join('/');
	return { group, version, plural: first, namespace: undefined, name: second, subresource };
}

function verbOf(
	method: string,
	resource: ResourcePath | undefined,
	query: URLSearchParams,
): string {
	const verb = verbs[method] ?? method.toLowerCase();
	if (resource === undefined) return verb;
	if (verb === 'get' && isTrue(query.get('watch'))) return 'watch';
	if (resource.name !== undefined) return verb;
	if (verb === 'get') return 'list';
	return verb === 'delete' ? 'deletecollection' : verb;
}

/** How Go reads a flag of a query. */
export function isTrue(text: string | null): boolean {
	return text !== null && ['', '1', 't', 'true', 'True', 'TRUE'].includes(text);
}

/** A number of a query; undefined where it is absent or none. */
export function numberOf(text: string | null): number | undefined {
	return text === null || !/^\d+$/.test(text) ? undefined : Number(text);
}

/** The one object that a list or watch may be restricted to. */
export function singleName(query: URLSearchParams): string | undefined {
	return selectedName(query.get('fieldSelector') ?? '');
}
