import { type ApiResource, pathOfApi } from './api-discovery.ts';

/** Query parameters; absent ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Which URL: a collection, an object (with `name`) or a part of an object (with `subresource`). */
export interface PathParts {
	readonly apiVersion: string;
	readonly resource: ApiResource;
	readonly namespace?: string | undefined;
	readonly name?: string;
	readonly subresource?: string;
	readonly query?: Query;
}

/** The path and query of a request about objects of one kind. Every part is percent-encoded. */
export function objectPath(parts: PathParts): string {
	const { apiVersion, resource, namespace, name, subresource, query } = parts;
	const segments = [
		...(resource.namespaced && namespace !== undefined ? ['namespaces', namespace] : []),
		resource.plural,
		...(name === undefined ? [] : [name]),
		...(subresource === undefined ? [] : [subresource]),
	];
	return `${pathOfApi(apiVersion)}/${segments.map(encodeURIComponent).join('/')}${queryText(query)}`;
}

function queryText(query: Query = {}): string {
	const parameters = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) {
		if (value !== undefined) parameters.set(name, String(value));
	}
	const text = parameters.toString();
	return text === '' ? '' : `?${text}`;
}
