import dns from 'node:dns';
import os from 'node:os';
import { addressesOf, type PodAddress, type ServiceTable } from './service-table.ts';

type Callback = (error: Error | null, ...found: unknown[]) => void;
interface LookupOptions {
	readonly all?: boolean;
}

/** Makes name look-ups of this process know Services and pods, and `os.hostname()` the pod. */
export function installNames(pod: PodAddress, table: () => ServiceTable): void {
	const { lookup, resolve4 } = dns;
	const { lookup: lookupAsync, resolve4: resolve4Async } = dns.promises;
	const find = (name: unknown) =>
		typeof name === 'string' ? addressesOf(table(), pod, name) : undefined;

	dns.lookup = ((name: unknown, ...rest: unknown[]) => {
		const found = find(name);
		const callback = rest.at(-1) as Callback;
		if (found === undefined) return Reflect.apply(lookup, dns, [name, ...rest]);
		const result = lookupResult(String(name), found, rest[0]);
		process.nextTick(() => {
			if (result instanceof Error) callback(result);
			else if (Array.isArray(result)) callback(null, result);
			else callback(null, result.address, result.family);
		});
		return {};
	}) as typeof dns.lookup;
	dns.promises.lookup = (async (name: unknown, ...rest: unknown[]) => {
		const found = find(name);
		if (found === undefined) return Reflect.apply(lookupAsync, dns.promises, [name, ...rest]);
		const result = lookupResult(String(name), found, rest[0]);
		if (result instanceof Error) throw result;
		return result;
	}) as typeof dns.promises.lookup;
	dns.resolve4 = ((name: unknown, ...rest: unknown[]) => {
		const found = find(name);
		if (found === undefined) return Reflect.apply(resolve4, dns, [name, ...rest]);
		process.nextTick(() => (rest.at(-1) as Callback)(null, [...found]));
		return undefined;
	}) as typeof dns.resolve4;
	dns.promises.resolve4 = (async (name: unknown, ...rest: unknown[]) => {
		return find(name) ?? Reflect.apply(resolve4Async, dns.promises, [name, ...rest]);
	}) as typeof dns.promises.resolve4;
	if (!pod.hostNetwork) os.hostname = () => pod.hostName;
}

function lookupResult(name: string, found: readonly string[], options: unknown) {
	const [first] = found;
	if (first === undefined) {
		const error = new Error(`getaddrinfo ENOTFOUND ${name}`);
		return Object.assign(error, { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: name });
	}
	const all = (options as LookupOptions | undefined)?.all === true;
	return all ? found.map((address) => ({ address, family: 4 })) : { address: first, family: 4 };
}
