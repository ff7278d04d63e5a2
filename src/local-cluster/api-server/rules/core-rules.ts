import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { JsonObject, JsonValue } from '../../../runtime/json.ts';
import {
	ensureObject,
	listAt,
	objectAt,
	objectsAt,
	setAbsent,
	textAt,
	valueAt,
} from '../json-reading.ts';
import { type FieldFault, forbiddenField, invalidValue, required } from '../status-error.ts';
import type { KindRules } from './kind-rules.ts';

function changed(
	object: KubernetesObject,
	live: KubernetesObject | undefined,
	...path: string[]
): boolean {
	return live !== undefined && !isDeepStrictEqual(valueAt(object, ...path), valueAt(live, ...path));
}

export const namespaceRules: KindRules = {
	nameForm: 'label',
	setDefaults: (namespace) => {
		const metadata = namespace.metadata as unknown as JsonObject;
		ensureObject(metadata, 'labels')['kubernetes.io/metadata.name'] = namespace.metadata.name;
	},
	beforeCreate: (namespace) => {
		namespace.spec = { finalizers: ['kubernetes'] };
		namespace.status = { phase: 'Active' };
	},
};

const keyForm = /^[-._a-zA-Z0-9]+$/;

/** Keys of Secrets and ConfigMaps become file names. */
function keyFaults(object: KubernetesObject, member: string): FieldFault[] {
	const keys = Object.keys(objectAt(object, member));
	const why = `a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`;
	return keys
		.filter((key) => !keyForm.test(key) || key === '.' || key === '..')
		.map((key) => invalidValue(`${member}[${key}]`, key, why));
}

function immutableFaults(
	object: KubernetesObject,
	live: KubernetesObject | undefined,
	members: readonly string[],
): FieldFault[] {
	if (live?.['immutable'] !== true) return [];
	const why = 'field is immutable when `immutable` is set';
	return [...members, 'immutable']
		.filter((member) => changed(object, live, member))
		.map((member) => forbiddenField(member, why));
}

/** What a type of Secret must hold. */
const secretKeys: Readonly<Record<string, string>> = {
	'kubernetes.io/dockerconfigjson': '.dockerconfigjson',
	'kubernetes.io/dockercfg': '.dockercfg',
};

/** Credentials of registries must be JSON; what they are is not repeated. */
function jsonFaults(secret: KubernetesObject, key: string): FieldFault[] {
	try {
		JSON.parse(Buffer.from(textAt(secret, 'data', key), 'base64').toString());
		return [];
	} catch {
		return [invalidValue(`data[${key}]`, '<secret contents redacted>', 'invalid character')];
	}
}

export const secretRules: KindRules = {
	setDefaults: (secret) => {
		const plain = objectAt(secret, 'stringData');
		for (const [key, value] of Object.entries(plain)) {
			const text = Buffer.from(String(value)).toString('base64');
			Object.defineProperty(ensureObject(secret as unknown as JsonObject, 'data'), key, {
				value: text,
				writable: true,
				enumerable: true,
				configurable: true,
			});
		}
		delete secret['stringData'];
	},
	validate: (secret, live) => {
		const faults = [...keyFaults(secret, 'data'), ...immutableFaults(secret, live, ['data'])];
		if (changed(secret, live, 'type')) {
			faults.push(invalidValue('type', secret['type'], 'field is immutable'));
		}
		const type = textAt(secret, 'type');
		const key = secretKeys[type];
		const keys = key === undefined ? [] : [key];
		if (type === 'kubernetes.io/tls') keys.push('tls.crt', 'tls.key');
		const missing = keys.filter((name) => valueAt(secret, 'data', name) === undefined);
		faults.push(...missing.map((name) => required(`data[${name}]`)));
		if (key !== undefined && missing.length === 0) faults.push(...jsonFaults(secret, key));
		return faults;
	},
};

export const configMapRules: KindRules = {
	validate: (object, live) => [
		...keyFaults(object, 'data'),
		...keyFaults(object, 'binaryData'),
		...immutableFaults(object, live, ['data', 'binaryData']),
	],
};

/** A claim may grow, be bound and be given a class; nothing else of it changes. */
function claimFaults(claim: KubernetesObject, live: KubernetesObject | undefined): FieldFault[] {
	const spec = objectAt(claim, 'spec');
	const faults: FieldFault[] = [];
	if (listAt(spec, 'accessModes').length === 0) {
		faults.push(required('spec.accessModes', 'at least 1 access mode is required'));
	}
	if (textAt(spec, 'resources', 'requests', 'storage') === '') {
		faults.push(required('spec.resources[storage]'));
	}
	if (live === undefined) return faults;
	const before = objectAt(live, 'spec');
	if (isDeepStrictEqual(fixedClaim(spec, before), fixedClaim(before, before))) return faults;
	const why =
		'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
	return [...faults, forbiddenField('spec', why)];
}

function fixedClaim(spec: JsonObject, live: JsonObject): JsonObject {
	const { resources, ...rest } = structuredClone(spec);
	delete rest['volumeAttributesClassName'];
	if (live['volumeName'] === undefined) delete rest['volumeName'];
	if (live['storageClassName'] === undefined) delete rest['storageClassName'];
	return { ...rest, limits: (valueAt(resources, 'limits') ?? null) as JsonValue };
}

const defaultClass = 'storageclass.kubernetes.io/is-default-class';

export const persistentVolumeClaimRules: KindRules = {
	beforeCreate: (claim, context) => {
		claim.status = { phase: 'Pending' };
		const spec = ensureObject(claim as unknown as JsonObject, 'spec');
		if (spec['storageClassName'] !== undefined) return;
		const found = context
			.list('storageclasses.storage.k8s.io')
			.find((item) => item.metadata.annotations?.[defaultClass] === 'true');
		if (found !== undefined) spec['storageClassName'] = found.metadata.name;
	},
	validate: claimFaults,
};

export const persistentVolumeRules: KindRules = {
	beforeCreate: (volume) => {
		volume.status = { phase: 'Pending' };
	},
	validate: (volume) => {
		const capacity = textAt(volume, 'spec', 'capacity', 'storage');
		return capacity === '' ? [required('spec.capacity')] : [];
	},
};

export const networkPolicyRules: KindRules = {
	setDefaults: (policy) => {
		const spec = ensureObject(policy as unknown as JsonObject, 'spec');
		if (spec['podSelector'] === undefined) spec['podSelector'] = {};
		const types = spec['egress'] === undefined ? ['Ingress'] : ['Ingress', 'Egress'];
		setAbsent(spec, 'policyTypes', types);
	},
	validate: (policy) => {
		const rules = (['ingress', 'egress'] as const).flatMap((list) => {
			return objectsAt(policy, 'spec', list).map((rule, index) => [`spec.${list}[${index}]`, rule]);
		}) as [path: string, rule: JsonObject][];
		return rules.flatMap(([path, rule]) => {
			return objectsAt(rule, 'ports').flatMap(({ port }, index) => {
				if (typeof port !== 'number' || (port >= 1 && port <= 65_535)) return [];
				const why = 'must be between 1 and 65535, inclusive';
				return [invalidValue(`${path}.ports[${index}].port`, port, why)];
			});
		});
	},
};

function roleBindingFaults(
	binding: KubernetesObject,
	live: KubernetesObject | undefined,
): FieldFault[] {
	if (!changed(binding, live, 'roleRef')) return [];
	return [invalidValue('roleRef', binding['roleRef'], 'cannot change roleRef')];
}

export const roleBindingRules: KindRules = {
	nameForm: 'path',
	setDefaults: (binding) => {
		for (const subject of objectsAt(binding, 'subjects')) {
			if (subject['kind'] === 'User' || subject['kind'] === 'Group') {
				setAbsent(subject, 'apiGroup', 'rbac.authorization.k8s.io');
			}
		}
	},
	validate: roleBindingFaults,
};

export const roleRules: KindRules = { nameForm: 'path' };

export const storageClassRules: KindRules = {
	validate: (storageClass, live) =>
		['provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode']
			.filter((member) => changed(storageClass, live, member))
			.map((member) => forbiddenField(member, `updates to ${member} are forbidden.`)),
};
