import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { JsonObject } from '../../../runtime/json.ts';
import { listAt, objectAt, objectsAt, textAt } from '../json-reading.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { User } from './user.ts';

const group = 'rbac.authorization.k8s.io';

/** What somebody wants to do: with a resource, or with a path that is none. */
export interface AccessRequest {
	/** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`. */
	readonly verb: string;
	readonly group: string;
	/** With its subresource behind a slash: `pods/log`. Empty for a path that is no resource. */
	readonly resource: string;
	/** Empty where there is none. */
	readonly namespace: string;
	/** Empty for a collection. */
	readonly name: string;
	readonly path: string;
}

/** What Roles and their bindings allow [Kubernetes documentation, "Using RBAC Authorization"]. */
export class RbacAuthorizer {
	readonly #store: ObjectStore;

	constructor(store: ObjectStore) {
		this.#store = store;
	}

	/** Whether a user may do something. Members of `system:masters` may do everything. */
	allows(user: User, request: AccessRequest): boolean {
		if (user.groups.includes('system:masters')) return true;
		return this.rulesOf(user, request.namespace).some((rule) => ruleAllows(rule, request));
	}

	/** The rules that hold for a user in a namespace; cluster-wide ones alone where it is empty. */
	rulesOf(user: User, namespace: string): JsonObject[] {
		if (user.groups.includes('system:masters')) {
			const all = ['*'];
			return [
				{ verbs: all, apiGroups: all, resources: all },
				{ verbs: all, nonResourceURLs: all },
			];
		}
		const bindings = this.#objects('clusterrolebindings');
		if (namespace !== '') bindings.push(...this.#objects('rolebindings', namespace));
		return bindings
			.filter((binding) => bindsTo(binding, user))
			.flatMap((binding) => this.#rulesOfRole(binding));
	}

	#rulesOfRole(binding: KubernetesObject): JsonObject[] {
		const { namespace } = binding.metadata;
		const name = textAt(binding, 'roleRef', 'name');
		const role =
			textAt(binding, 'roleRef', 'kind') === 'Role'
				? this.#store.get(`roles.${group}`, `${namespace}/${name}`)
				: this.#store.get(`clusterroles.${group}`, name);
		return role === undefined ? [] : objectsAt(role, 'rules');
	}

	#objects(plural: string, namespace?: string): KubernetesObject[] {
		return this.#store.list(`${plural}.${group}`, namespace).map((stored) => stored.object);
	}
}

function bindsTo(binding: KubernetesObject, user: User): boolean {
	return objectsAt(binding, 'subjects').some((subject) => {
		const name = textAt(subject, 'name');
		switch (textAt(subject, 'kind')) {
			case 'User':
				return name === user.name;
			case 'Group':
				return user.groups.includes(name);
			case 'ServiceAccount': {
				const namespace = textAt(subject, 'namespace') || binding.metadata.namespace;
				return user.name === `system:serviceaccount:${namespace}:${name}`;
			}
			default:
				return false;
		}
	});
}

function ruleAllows(rule: JsonObject, request: AccessRequest): boolean {
	if (!includes(listAt(rule, 'verbs'), request.verb)) return false;
	if (request.resource === '') return pathAllowed(listAt(rule, 'nonResourceURLs'), request.path);
	const names = listAt(rule, 'resourceNames');
	return (
		includes(listAt(rule, 'apiGroups'), request.group) &&
		resourceAllowed(listAt(rule, 'resources'), request.resource) &&
		(names.length === 0 || names.includes(request.name))
	);
}

function includes(list: readonly unknown[], value: string): boolean {
	return list.includes('*') || list.includes(value);
}

function resourceAllowed(resources: readonly unknown[], resource: string): boolean {
	if (includes(resources, resource)) return true;
	const slash = resource.indexOf('/');
	return slash > 0 && resources.includes(`*${resource.slice(slash)}`);
}

function pathAllowed(paths: readonly unknown[], path: string): boolean {
	return paths.some((allowed) => {
		const text = String(allowed);
		return text.endsWith('*') ? path.startsWith(text.slice(0, -1)) : path === text;
	});
}

/** The status of a SelfSubjectRulesReview: rules for resources, and for paths. */
export function rulesReview(rules: readonly JsonObject[]): JsonObject {
	const resourceRules = rules.filter((rule) => listAt(rule, 'resources').length > 0);
	const nonResourceRules = rules.filter((rule) => listAt(rule, 'nonResourceURLs').length > 0);
	return {
		resourceRules: resourceRules.map((rule) => ({ ...rule })),
		nonResourceRules: nonResourceRules.map((rule) => ({ ...rule })),
		incomplete: false,
	};
}

/** The request that an access review asks about. */
export function requestOfReview(spec: JsonObject): AccessRequest {
	const attributes = objectAt(spec, 'resourceAttributes');
	const path = objectAt(spec, 'nonResourceAttributes');
	const subresource = textAt(attributes, 'subresource');
	const resource = textAt(attributes, 'resource');
	return {
		verb: textAt(attributes, 'verb') || textAt(path, 'verb'),
		group: textAt(attributes, 'group'),
		resource: subresource === '' ? resource : `${resource}/${subresource}`,
		namespace: textAt(attributes, 'namespace'),
		name: textAt(attributes, 'name'),
		path: textAt(path, 'path'),
	};
}
