import type { ThrottledOperation } from '../throttles.ts';

const reads = new Set(['GET', 'HEAD']);

/**
 * Requests by the beginning of their route, the first that fits. A route that is not in here, such as
 * a blob's, is not throttled.
 */
const operations: readonly (readonly [
	route: RegExp,
	operation: ThrottledOperation | ((method: string) => ThrottledOperation),
])[] = [
	[/^\/devices\/query/, 'query'],
	[/^\/devices\/:deviceId\/(modules\/:moduleId\/)?messages\/events/, 'telemetry'],
	[/^\/devices\/:deviceId\/messages\/devicebound/, 'cloud-to-device-receive'],
	[/^\/devices\/:deviceId\/files/, 'file-upload'],
	[/^\/devices\/:deviceId\/applyConfigurationContent/, 'configuration'],
	[/^\/(devices|statistics)/, 'registry'],
	[/^\/twins\/.*\/methods$/, 'direct-method'],
	[/^\/digitaltwins\/.*\/commands\//, 'direct-method'],
	[/^\/(twins|digitaltwins)/, (method) => (reads.has(method) ? 'twin-read' : 'twin-update')],
	[/^\/configurations/, 'configuration'],
	[/^\/jobs/, 'job'],
];

/** The kind of operation that a request is limited by. */
export function throttledOperation(method: string, route: string): ThrottledOperation | undefined {
	const [, operation] = operations.find(([form]) => form.test(route)) ?? [];
	return typeof operation === 'function' ? operation(method) : operation;
}
