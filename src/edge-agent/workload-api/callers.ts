import type { IncomingMessage } from 'node:http';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { originalModuleIdAnnotation } from '../translation/translation.ts';

/** Who has called: a pod of the namespace and the module that it is. */
export interface Caller {
	/** Name of the pod, for logs. */
	readonly pod: string;
	/** As in the manifest; absent for a pod that is no module. */
	readonly module?: string;
}

/** What shows who has called. */
export interface CallEvidence {
	/** The address that the connection comes from. */
	readonly address: string;
	/** The bearer token of the request. */
	readonly token?: string;
}

/** Finds out who has called. */
export interface CallerDirectory {
	/**
	 * @throws EdgeError EDGE_CALLER_UNKNOWN, EDGE_CALLER_TOKEN, EDGE_ISSUER_KEYS_FORBIDDEN;
	 * ClusterError when the API server must be asked and cannot.
	 */
	identify(evidence: CallEvidence): Promise<Caller>;
}

/** What a request brings along. */
export function evidenceOf({ socket, headers }: IncomingMessage): CallEvidence {
	const address = socket.remoteAddress ?? '';
	const [, token] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
	return token === undefined ? { address } : { address, token };
}

/** The caller that a pod is. */
export function callerOf({ metadata }: KubernetesObject): Caller {
	const module = metadata.annotations?.[originalModuleIdAnnotation];
	return { pod: metadata.name, ...(module === undefined ? {} : { module }) };
}

/** A pod that has ended keeps its address in its status after another has got it. */
export function hasEnded(pod: KubernetesObject): boolean {
	const phase = pod.status?.['phase'];
	return phase === 'Succeeded' || phase === 'Failed';
}
