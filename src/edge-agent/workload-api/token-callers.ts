import type { ClusterClient } from '../../cluster/cluster-client.ts';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { Clock } from '../../runtime/clock.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import { workloadAudience } from '../translation/workload-sidecar.ts';
import {
	type CallEvidence,
	type Caller,
	type CallerDirectory,
	callerOf,
	hasEnded,
} from './callers.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { RememberedCallers } from './remembered-callers.ts';

/** What tokens are judged with. */
export interface TokenCallersOptions {
	readonly client: ClusterClient;
	readonly namespace: string;
	readonly keys: Pick<IssuerKeys, 'claimsOf'>;
	readonly clock: Clock;
}

/**
 * Seconds that a token counts beyond its end. The clocks of agent and API server may differ, and
 * after a jump of the clock the kubelet needs a minute or two for a new token. It is the pod that
 * counts, which the API server is asked about for every call.
 */
const tolerance = 300;

interface BoundPod {
	readonly name: string;
	readonly uid: string;
	readonly serviceAccount: string;
}

/**
 * Tells modules apart by the token of their pod, which their sidecars send: signed by the API server,
 * meant for the workload API and nothing else, and bound to a pod, which must still be there. When a
 * token began is not looked at: a clock that was set back must not lock modules out.
 */
export class TokenCallers implements CallerDirectory {
	readonly #options: TokenCallersOptions;
	readonly #remembered = new RememberedCallers();

	constructor(options: TokenCallersOptions) {
		this.#options = options;
	}

	async identify({ token }: CallEvidence): Promise<Caller> {
		if (token === undefined) throw badToken('There is none.');
		const bound = this.#boundPod(await this.#options.keys.claimsOf(token));
		return this.#remembered.find(bound.uid, async () => callerOf(await this.#livePod(bound)));
	}

	#boundPod(claims: JsonObject): BoundPod {
		const { namespace, clock } = this.#options;
		const audiences: JsonValue[] = [claims['aud'] ?? []].flat();
		if (!audiences.includes(workloadAudience)) throw badToken('It is for somebody else.');
		const end = Number(claims['exp'] ?? 0);
		if (end + tolerance < clock.now() / 1000) throw badToken('It has expired.');
		const kubernetes = member(claims, 'kubernetes.io');
		if (kubernetes['namespace'] !== namespace) throw badToken('It is from another namespace.');
		const { name, uid } = member(kubernetes, 'pod');
		const { name: serviceAccount } = member(kubernetes, 'serviceaccount');
		if (![name, uid, serviceAccount].every((part) => typeof part === 'string' && part !== '')) {
			throw badToken('It is bound to no pod.');
		}
		return { name, uid, serviceAccount } as unknown as BoundPod;
	}

	async #livePod({ name, uid, serviceAccount }: BoundPod): Promise<KubernetesObject> {
		const { client, namespace } = this.#options;
		const pod = await client.get({ apiVersion: 'v1', kind: 'Pod', namespace, name });
		const isSame = pod?.metadata.uid === uid && !hasEnded(pod);
		if (pod === undefined || !isSame || pod.spec?.['serviceAccountName'] !== serviceAccount) {
			throw new EdgeError('EDGE_CALLER_UNKNOWN', `The pod ${name} of the token is gone.`);
		}
		return pod;
	}
}

function member(object: JsonObject, name: string): JsonObject {
	const value = object[name];
	return isJsonObject(value) ? value : {};
}

function badToken(reason: string): EdgeError {
	return new EdgeError('EDGE_CALLER_TOKEN', `The token of the caller is not good: ${reason}`);
}
