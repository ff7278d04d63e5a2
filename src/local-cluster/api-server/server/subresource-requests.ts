import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { JsonObject } from '../../../runtime/json.ts';
import { issuer } from '../access/service-account-tokens.ts';
import { listAt, numberAt, objectAt, objectsAt, textAt } from '../json-reading.ts';
import { readClientObject } from '../objects/client-object.ts';
import { asJson, type Target, timestamp } from '../objects/object-writer.ts';
import { builtinSchema } from '../schema/builtin-schemas.ts';
import { compileLabelSelector } from '../selectors/label-selector.ts';
import { badRequest, conflict, invalid, invalidValue, StatusError } from '../status-error.ts';
import type { ApiRequest } from './api-request.ts';
import type { ClusterState } from './cluster-state.ts';
import { readBody } from './request-body.ts';
import { readWriteQuery, type WriteQuery } from './request-options.ts';
import { sendJson } from './response.ts';

/** What a token may live for, in seconds: ten minutes to a day. */
const tokenLife = [600, 86_400] as const;

/** Answers posts to doors of single objects: bindings and evictions of pods, tokens of accounts. */
export class SubresourceRequests {
	readonly #state: ClusterState;

	constructor(state: ClusterState) {
		this.#state = state;
	}

	/** Assigns a pod to a node, as a scheduler does. */
	async bind(api: ApiRequest): Promise<void> {
		const { object, query } = await this.#read(api, 'v1', 'Binding');
		const target = targetOf(api);
		const live = this.#state.writer.live(target);
		if (textAt(live.object, 'spec', 'nodeName') !== '') {
			const node = textAt(live.object, 'spec', 'nodeName');
			const why = `pod ${target.name} is already assigned to node "${node}"`;
			throw conflict({ ...target.kind, kind: 'Binding', plural: 'pods/binding' }, target.name, why);
		}
		const node = textAt(object, 'target', 'name');
		if (node === '') throw badRequest('the binding names no node');
		const bound = structuredClone(live.object);
		bound.spec = { ...bound.spec, nodeName: node };
		bound.status = { ...bound.status, ...scheduled(bound, this.#now()) };
		this.#write(target, bound, query);
		sendJson(api.response, 201, success);
	}

	/** Deletes a pod where its disruption budget allows it. */
	async evict(api: ApiRequest): Promise<void> {
		const { object, query } = await this.#read(api, 'policy/v1', 'Eviction');
		const target = targetOf(api);
		const live = this.#state.writer.live(target);
		this.#takeDisruption(live.object, query.dryRun);
		const options = objectAt(object, 'deleteOptions');
		this.#state.deletion.delete(target, live, options, query.dryRun);
		sendJson(api.response, 201, success);
	}

	/** A token for a ServiceAccount. */
	async createToken(api: ApiRequest): Promise<void> {
		const { object } = await this.#read(api, 'authentication.k8s.io/v1', 'TokenRequest');
		const account = this.#state.writer.live(targetOf(api)).object;
		const { namespace = '', name, uid = '' } = account.metadata;
		const spec = objectAt(object, 'spec');
		const expirationSeconds = numberAt(spec, 'expirationSeconds') ?? 3600;
		checkLife(expirationSeconds);
		const boundTo = this.#boundTo(namespace, objectAt(spec, 'boundObjectRef'));
		const audiences = listAt(spec, 'audiences').map(String);
		const issued = this.#state.tokens.issue({
			...{ namespace, name, uid, audiences, expirationSeconds },
			...(boundTo === undefined ? {} : { boundTo }),
		});
		sendJson(api.response, 201, {
			kind: 'TokenRequest',
			apiVersion: 'authentication.k8s.io/v1',
			metadata: { name, namespace, creationTimestamp: this.#now() },
			spec: {
				...spec,
				expirationSeconds,
				audiences: audiences.length === 0 ? [issuer] : audiences,
			},
			status: { token: issued.token, expirationTimestamp: timestamp(issued.expires) },
		});
	}

	/** The object whose life a token shares must exist. */
	#boundTo(namespace: string, reference: JsonObject) {
		const [kind, name] = [textAt(reference, 'kind'), textAt(reference, 'name')];
		if (name === '') return undefined;
		const resource = kind === 'Pod' ? 'pods' : 'secrets';
		const found = this.#state.store.get(resource, `${namespace}/${name}`);
		if (found === undefined) {
			throw new StatusError(404, 'NotFound', `${resource} "${name}" not found`, {
				name,
				kind: resource,
			});
		}
		const uid = found.metadata.uid ?? '';
		const wanted = textAt(reference, 'uid');
		if (wanted === '' || wanted === uid) return { kind, name, uid };
		const why = `the UID in the bound object reference (${wanted}) does not match the UID in record`;
		throw conflict({ group: '', kind, plural: resource }, name, why);
	}

	/** Every budget that covers the pod must allow it, and counts it. */
	#takeDisruption(pod: KubernetesObject, dryRun: boolean): void {
		const { namespace, labels = {} } = pod.metadata;
		const resource = 'poddisruptionbudgets.policy';
		for (const { object } of this.#state.store.list(resource, namespace)) {
			if (!compileLabelSelector(objectAt(object, 'spec', 'selector'))(labels)) continue;
			const allowed = numberAt(object, 'status', 'disruptionsAllowed') ?? 0;
			if (allowed < 1) throw budgetExhausted(object);
			if (dryRun) continue;
			const changed = structuredClone(object);
			changed.status = { ...changed.status, disruptionsAllowed: allowed - 1 };
			this.#state.store.put(resource, `${namespace}/${object.metadata.name}`, changed);
		}
	}

	async #read(api: ApiRequest, apiVersion: string, kind: string) {
		const query = readWriteQuery(api.request, api.info.query);
		const body = (await readBody(api.request)) ?? {};
		const type = { apiVersion, kind, schema: builtinSchema(kind) };
		return { object: asJson(readClientObject(body, type, true, query)), query };
	}

	#write({ namespace, name }: Target, pod: KubernetesObject, query: WriteQuery): void {
		if (!query.dryRun) this.#state.store.put('pods', `${namespace}/${name}`, pod);
	}

	#now(): string {
		return timestamp(this.#state.clock.now());
	}
}

const success: JsonObject = {
	kind: 'Status',
	apiVersion: 'v1',
	metadata: {},
	status: 'Success',
	code: 201,
};

function targetOf({ kind, path }: ApiRequest): Target {
	return { kind, namespace: path.namespace, name: path.name ?? '' };
}

function scheduled(pod: KubernetesObject, now: string): JsonObject {
	const others = objectsAt(pod, 'status', 'conditions').filter(
		(condition) => condition['type'] !== 'PodScheduled',
	);
	const condition = { type: 'PodScheduled', status: 'True', lastTransitionTime: now };
	return { conditions: [...others, condition] };
}

function checkLife(seconds: number): void {
	if (seconds >= tokenLife[0] && seconds <= tokenLife[1]) return;
	const kind = { group: 'authentication.k8s.io', kind: 'TokenRequest', plural: 'tokenrequests' };
	const why =
		seconds < tokenLife[0]
			? 'may not specify a duration less than 10 minutes'
			: 'may not specify a duration larger than a day';
	throw invalid(kind, '', [invalidValue('spec.expirationSeconds', seconds, why)]);
}

function budgetExhausted(budget: KubernetesObject): StatusError {
	const message = "Cannot evict pod as it would violate the pod's disruption budget.";
	const healthy = numberAt(budget, 'status', 'currentHealthy') ?? 0;
	const needed = numberAt(budget, 'status', 'desiredHealthy') ?? 0;
	const cause = {
		reason: 'DisruptionBudget',
		message: `The disruption budget ${budget.metadata.name} needs ${needed} healthy pods and has ${healthy} currently`,
	};
	return new StatusError(429, 'TooManyRequests', message, { causes: [cause] });
}
