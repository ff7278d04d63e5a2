import type { ClusterClient, WatchEvent } from '../../src/cluster/cluster-client.ts';
import { describeReference, referenceOf } from '../../src/cluster/kubernetes-object.ts';

/** One request, before it is sent. */
export interface InterceptedRequest {
	/** `apply Deployment edge/filter`, `list Pod`, `create module filter`, `report`. */
	readonly what: string;
	readonly isWrite: boolean;
}

/** Sends a request, or does something else in its place. */
export type Interceptor = <Answer>(
	request: InterceptedRequest,
	send: () => Promise<Answer>,
) => Promise<Answer>;

/** A client whose every request passes an interceptor; of a watch, the opening. */
export function interceptedClient(client: ClusterClient, intercept: Interceptor): ClusterClient {
	const read = <Answer>(what: string, send: () => Promise<Answer>) => {
		return intercept({ what, isWrite: false }, send);
	};
	const write = <Answer>(what: string, send: () => Promise<Answer>) => {
		return intercept({ what, isWrite: true }, send);
	};
	const named = (verb: string, object: Parameters<typeof referenceOf>[0]) => {
		return `${verb} ${describeReference(referenceOf(object))}`;
	};
	return {
		get: (reference, signal) =>
			read(`get ${describeReference(reference)}`, () => client.get(reference, signal)),
		list: (query, signal) => read(`list ${query.kind}`, () => client.list(query, signal)),
		async *watch(query, from, signal): AsyncGenerator<WatchEvent> {
			await read(`watch ${query.kind}`, async () => {});
			yield* client.watch(query, from, signal);
		},
		logs: (query, signal) => client.logs(query, signal),
		create: (object, signal) => write(named('create', object), () => client.create(object, signal)),
		replace: (object, signal) =>
			write(named('replace', object), () => client.replace(object, signal)),
		apply: (object, options, signal) =>
			write(named('apply', object), () => client.apply(object, options, signal)),
		patch: (reference, ...rest) =>
			write(`patch ${describeReference(reference)}`, () => client.patch(reference, ...rest)),
		delete: (reference, ...rest) =>
			write(`delete ${describeReference(reference)}`, () => client.delete(reference, ...rest)),
	};
}
