import type { ClusterClient } from '../../src/cluster/cluster-client.ts';
import { describeReference, referenceOf } from '../../src/cluster/kubernetes-object.ts';

/** A client that notes every write, as `apply Deployment edge/filter`, Events apart. */
export function recordingClient(client: ClusterClient): ClusterClient & { writes: string[] } {
	const writes: string[] = [];
	const note = (write: string) => {
		if (!write.includes(' Event ')) writes.push(write);
	};
	return {
		writes,
		get: (...args) => client.get(...args),
		list: (...args) => client.list(...args),
		watch: (...args) => client.watch(...args),
		logs: (...args) => client.logs(...args),
		create: (object, ...rest) => {
			note(`create ${describeReference(referenceOf(object))}`);
			return client.create(object, ...rest);
		},
		replace: (object, ...rest) => {
			note(`replace ${describeReference(referenceOf(object))}`);
			return client.replace(object, ...rest);
		},
		apply: (object, ...rest) => {
			note(`apply ${describeReference(referenceOf(object))}`);
			return client.apply(object, ...rest);
		},
		patch: (reference, ...rest) => {
			note(`patch ${describeReference(reference)}`);
			return client.patch(reference, ...rest);
		},
		delete: (reference, ...rest) => {
			note(`delete ${describeReference(reference)}`);
			return client.delete(reference, ...rest);
		},
	};
}
