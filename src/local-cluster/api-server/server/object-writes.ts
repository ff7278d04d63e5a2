import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';
import {
	type FieldManager,
	ignoredFields,
	type ManagedChange,
	manageUpdate,
} from '../fields/managed-fields.ts';
import { listAt } from '../json-reading.ts';
import { storageOf } from '../kinds/kind-registry.ts';
import { apiVersionOf, keptKind } from '../kinds/resource-kind.ts';
import {
	type ObjectType,
	readClientObject,
	SchemaMismatch,
	typeOf,
} from '../objects/client-object.ts';
import { appliedObject, isApply, patchedObject } from '../objects/object-patch.ts';
import {
	asJson,
	splitManaged,
	type Target,
	timestamp,
	type WriteOptions,
} from '../objects/object-writer.ts';
import { scaledObject, scaleOf } from '../objects/scale.ts';
import { builtinSchema } from '../schema/builtin-schemas.ts';
import { badRequest, notFound, StatusError } from '../status-error.ts';
import { objectKey } from '../store/object-store.ts';
import type { StoredObject } from '../store/stored-object.ts';
import type { ApiRequest } from './api-request.ts';
import type { ClusterState } from './cluster-state.ts';
import { objectMatcher } from './object-reads.ts';
import { Representation } from './representation.ts';
import { contentTypeOf, readBody } from './request-body.ts';
import { numberOf } from './request-info.ts';
import { checkPatchQuery, readWriteQuery, type WriteQuery } from './request-options.ts';
import { sendJson, sendText } from './response.ts';

const scaleType: ObjectType = {
	apiVersion: 'autoscaling/v1',
	kind: 'Scale',
	schema: builtinSchema('Scale'),
};

/** Answers create, update, patch and delete, of objects and of their `status` and `scale`. */
export class ObjectWrites {
	readonly #state: ClusterState;

	constructor(state: ClusterState) {
		this.#state = state;
	}

	async create(api: ApiRequest): Promise<void> {
		const query = readWriteQuery(api.request, api.info.query);
		const object = this.#read(api, await readBody(api.request), typeOf(api.kind), query);
		checkPlace(api, object);
		const kind = keptKind(api.kind);
		const target = { kind, namespace: api.path.namespace, name: '' };
		const options = this.#options(api, query, 'Update');
		const stored = this.#state.writer.create(target, object, options);
		this.#send(api, 201, stored, query);
	}

	async update(api: ApiRequest): Promise<void> {
		const query = readWriteQuery(api.request, api.info.query);
		const body = await readBody(api.request);
		const target = targetOf(api);
		const live = this.#state.writer.live(target);
		if (api.path.subresource === 'scale') {
			const scale = this.#read(api, body, scaleType, query);
			return this.#storeScale(api, target, live, scale, query);
		}
		const object = this.#read(api, body, typeOf(api.kind), query);
		checkPlace(api, object);
		this.#store(api, target, live, object, query);
	}

	async patch(api: ApiRequest): Promise<void> {
		const type = contentTypeOf(api.request);
		checkPatchQuery(api.info.query, isApply(type));
		const query = readWriteQuery(api.request, api.info.query);
		const patch = await readBody(api.request);
		if (patch === undefined) throw badRequest('the body of the patch is empty');
		if (api.path.subresource === 'scale') return this.#patchScale(api, type, patch, query);
		if (isApply(type)) return this.#apply(api, patch, query);
		const target = targetOf(api);
		const live = this.#state.writer.live(target);
		const shown = api.kind.keptAs?.fromKept(asJson(live.object)) ?? asJson(live.object);
		const patched = patchedObject(shown, type, patch, api.kind, api.kind.schema);
		const object = this.#read(api, patched, typeOf(api.kind), query);
		this.#store(api, target, live, object, query);
	}

	async delete(api: ApiRequest): Promise<void> {
		const { options, dryRun } = await deleteOptions(api);
		const target = targetOf(api);
		const live = this.#state.writer.live(target);
		const deleted = this.#state.deletion.delete(target, live, options, dryRun);
		if (!deleted.gone) return this.#send(api, 200, deleted.object, undefined);
		if (returnsDeleted.has(storageOf(api.kind))) return this.#send(api, 200, live, undefined);
		const { name, uid } = live.object.metadata;
		const { group, plural } = api.kind;
		const details = { name, ...(group === '' ? {} : { group }), kind: plural, uid: uid ?? '' };
		sendJson(api.response, 200, {
			...{ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' },
			details,
		});
	}

	async deleteCollection(api: ApiRequest): Promise<void> {
		const { options, dryRun } = await deleteOptions(api);
		const { kind, path, info } = api;
		const matches = objectMatcher(info.query, kind, undefined);
		const found = this.#state.store.list(storageOf(kind), path.namespace).filter(matches);
		for (const stored of found) {
			const { namespace, name } = stored.object.metadata;
			this.#state.deletion.delete({ kind, namespace, name }, stored, options, dryRun);
		}
		const metadata = { resourceVersion: String(this.#state.store.revision) };
		sendText(api.response, 200, this.#form(api).list(found, metadata));
	}

	scale(api: ApiRequest): void {
		const live = this.#state.writer.live(targetOf(api));
		sendJson(api.response, 200, asJson(scaleOf(live.object, scalePaths(api))));
	}

	#apply(api: ApiRequest, patch: JsonValue, query: WriteQuery): void {
		const config = this.#readConfiguration(api, patch, query);
		if (config.metadata.managedFields !== undefined) {
			throw badRequest('metadata.managedFields must be nil');
		}
		config.metadata.name ||= api.path.name ?? '';
		checkPlace(api, config);
		const target = targetOf(api);
		const key = objectKey(target.namespace, target.name);
		const live = this.#state.store.getStored(storageOf(api.kind), key);
		if (live === undefined && api.path.subresource !== '') throw notFound(api.kind, target.name);
		restrict(config, api.path.subresource, api.kind.hasStatus);
		const change = this.#change(api, query, 'Apply');
		const before = live === undefined ? undefined : splitManaged(live.object);
		const applied = appliedObject(before, config, change, query.force);
		const object = structuredClone(applied.object) as unknown as KubernetesObject;
		const { dryRun } = query;
		const { subresource } = api.path;
		const options = { dryRun, subresource, own: () => applied.entries };
		if (live === undefined) {
			this.#checkNew(object, target);
			this.#send(api, 201, this.#state.writer.create(target, object, options), query);
		} else {
			this.#send(api, 200, this.#state.writer.update(target, live, object, options), query);
		}
	}

	/** Who applies an object with a uid or a version means one that exists. */
	#checkNew(object: KubernetesObject, { kind, name }: Target): void {
		const { uid, resourceVersion } = object.metadata;
		if (uid === undefined && resourceVersion === undefined) return;
		const message = `Operation cannot be fulfilled on ${kind.plural} "${name}": the object does not exist`;
		throw new StatusError(409, 'Conflict', message, { name, kind: kind.plural });
	}

	#patchScale(api: ApiRequest, type: string, patch: JsonValue, query: WriteQuery): void {
		const target = targetOf(api);
		const live = this.#state.writer.live(target);
		const before = asJson(scaleOf(live.object, scalePaths(api)));
		const merging = isApply(type) ? 'application/merge-patch+json' : type;
		const patched = patchedObject(before, merging, patch, api.kind, scaleType.schema);
		this.#storeScale(api, target, live, this.#read(api, patched, scaleType, query), query);
	}

	#storeScale(
		api: ApiRequest,
		target: Target,
		live: StoredObject,
		scale: KubernetesObject,
		query: WriteQuery,
	): void {
		const paths = scalePaths(api);
		const object = scaledObject(live.object, scale, paths);
		const options = this.#options(api, query, 'Update');
		const stored = this.#state.writer.update(target, live, object, options);
		sendJson(api.response, 200, asJson(scaleOf(stored.object, paths)), query.warnings);
	}

	#store(
		api: ApiRequest,
		target: Target,
		live: StoredObject,
		object: KubernetesObject,
		query: WriteQuery,
	): void {
		const options = this.#options(api, query, 'Update');
		const stored = this.#state.writer.update(target, live, object, options);
		this.#send(api, 200, stored, query);
	}

	#read(
		api: ApiRequest,
		body: JsonValue | undefined,
		type: ObjectType,
		query: WriteQuery,
	): KubernetesObject {
		if (body === undefined) throw badRequest('the body of the request is empty');
		const object = readClientObject(body, type, api.kind.custom === undefined, query);
		const { keptAs } = api.kind;
		if (keptAs === undefined) return object;
		return keptAs.toKept(asJson(object)) as unknown as KubernetesObject;
	}

	/** No field of an applied configuration may be unknown, whatever the client asks. */
	#readConfiguration(api: ApiRequest, patch: JsonValue, query: WriteQuery): KubernetesObject {
		if (api.kind.custom !== undefined) return this.#read(api, patch, typeOf(api.kind), query);
		try {
			return this.#read(api, patch, typeOf(api.kind), { ...query, fieldValidation: 'Strict' });
		} catch (error) {
			if (!(error instanceof SchemaMismatch)) throw error;
			const { namespace, name } = targetOf(api);
			const place = namespace === undefined ? `/${name}` : `${namespace}/${name}`;
			const type = `${apiVersionOf(api.kind)}, Kind=${api.kind.kind}`;
			const message = `failed to create typed patch object (${place}; ${type}): ${error.what}`;
			throw new StatusError(500, '', message);
		}
	}

	#options(api: ApiRequest, query: WriteQuery, operation: FieldManager['operation']): WriteOptions {
		const change = this.#change(api, query, operation);
		return {
			dryRun: query.dryRun,
			subresource: api.path.subresource,
			own: (before, after) => manageUpdate(before, after, change),
		};
	}

	#change(api: ApiRequest, query: WriteQuery, operation: FieldManager['operation']): ManagedChange {
		const { subresource } = api.path;
		return {
			schema: keptKind(api.kind).schema,
			manager: {
				name: query.fieldManager,
				operation,
				apiVersion: apiVersionOf(api.kind),
				subresource,
			},
			now: timestamp(this.#state.clock.now()),
			ignored: ignoredFields(subresource, api.kind.hasStatus),
		};
	}

	#form(api: ApiRequest): Representation {
		const { clock } = this.#state;
		return new Representation(api.kind, api.request.headers, api.info.query, () => clock.now());
	}

	#send(api: ApiRequest, code: number, stored: StoredObject, query: WriteQuery | undefined): void {
		sendText(api.response, code, this.#form(api).object(stored), query?.warnings);
	}
}

/** Kinds whose deletion answers with the object instead of a Status. */
const returnsDeleted = new Set([
	...['pods', 'services', 'serviceaccounts', 'persistentvolumes', 'persistentvolumeclaims'],
	'resourcequotas',
]);

function targetOf({ kind, path }: ApiRequest): Target {
	return { kind: keptKind(kind), namespace: path.namespace, name: path.name ?? '' };
}

function scalePaths({ kind }: ApiRequest) {
	if (kind.scale !== undefined) return kind.scale;
	throw notFound(kind, 'scale');
}

/** An object must not name another place than the URL. @throws StatusError 400 */
function checkPlace({ path, kind }: ApiRequest, object: KubernetesObject): void {
	const { metadata } = object;
	if (path.name !== undefined && metadata.name !== path.name) {
		throw badRequest(
			`the name of the object (${metadata.name ?? ''}) does not match the name on the URL (${path.name})`,
		);
	}
	if (!kind.namespaced) {
		delete metadata.namespace;
		return;
	}
	metadata.namespace ||= path.namespace ?? '';
	if (metadata.namespace === path.namespace) return;
	throw badRequest(
		`the namespace of the provided object does not match the namespace sent on the request`,
	);
}

/** Removes what an apply through this door does not touch. */
function restrict(config: KubernetesObject, subresource: string, hasStatus: boolean): void {
	if (subresource !== 'status') {
		if (hasStatus) delete config.status;
		return;
	}
	const { name, namespace, resourceVersion, uid } = config.metadata;
	const { status } = config;
	const { apiVersion, kind } = config;
	for (const member of Object.keys(config)) delete config[member];
	const metadata = JSON.parse(JSON.stringify({ name, namespace, resourceVersion, uid }));
	Object.assign(config, { apiVersion, kind, metadata }, status === undefined ? {} : { status });
}

async function deleteOptions(api: ApiRequest): Promise<{ options: JsonObject; dryRun: boolean }> {
	const body = await readBody(api.request);
	const options: JsonObject = isJsonObject(body) ? { ...body } : {};
	const { query } = api.info;
	const policy = query.get('propagationPolicy');
	if (policy !== null) options['propagationPolicy'] = policy;
	const grace = numberOf(query.get('gracePeriodSeconds'));
	if (grace !== undefined) options['gracePeriodSeconds'] = grace;
	if (query.get('orphanDependents') === 'true') options['propagationPolicy'] = 'Orphan';
	const dryRun = query.get('dryRun') === 'All' || listAt(options, 'dryRun').includes('All');
	return { options, dryRun };
}
