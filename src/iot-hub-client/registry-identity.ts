import type { Identity } from '../protocol/identity.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';

/** How an identity proves itself; `none` until a module has been given keys. */
export type AuthenticationType = 'none' | 'sas' | 'selfSigned' | 'certificateAuthority';

/** A device or module as the identity registry of IoT Hub knows it. */
export interface RegistryIdentity {
	readonly identity: Identity;
	/** Changes when an identity is deleted and created again. */
	readonly generationId: string;
	/** A module is as enabled as its device. */
	readonly enabled: boolean;
	readonly authentication: {
		readonly type: AuthenticationType;
		/** Primary, then secondary; base64. */
		readonly keys: readonly string[];
		/** Primary, then secondary; hexadecimal SHA-1 or SHA-256. */
		readonly thumbprints: readonly string[];
	};
	/** Of modules: who looks after the identity, e.g. `iotedge-k8s`. */
	readonly managedBy?: string;
	/** Of devices. */
	readonly edgeCapable: boolean;
	/** Of devices: the scope it belongs to or, of an edge device, the one it opens. */
	readonly deviceScope?: string;
	readonly parentScopes: readonly string[];
}

/** @returns undefined for what is not an identity. */
export function parseRegistryIdentity(value: JsonValue | undefined): RegistryIdentity | undefined {
	if (!isJsonObject(value)) return undefined;
	const deviceId = textOf(value['deviceId']);
	if (deviceId === undefined) return undefined;
	const moduleId = textOf(value['moduleId']);
	const managedBy = textOf(value['managedBy']);
	const deviceScope = textOf(value['deviceScope']);
	const parentScopes = value['parentScopes'];
	return {
		identity: moduleId === undefined ? { deviceId } : { deviceId, moduleId },
		generationId: textOf(value['generationId']) ?? '',
		enabled: (textOf(value['status']) ?? 'enabled').toLowerCase() === 'enabled',
		authentication: parseAuthentication(value['authentication']),
		...(managedBy === undefined ? {} : { managedBy }),
		edgeCapable: objectOf(value['capabilities'])['iotEdge'] === true,
		...(deviceScope === undefined ? {} : { deviceScope }),
		parentScopes: Array.isArray(parentScopes)
			? parentScopes.filter((scope) => typeof scope === 'string')
			: [],
	};
}

/** The identity as IoT Hub's documents have it; what `parseRegistryIdentity` reads. */
export function formatRegistryIdentity(entry: RegistryIdentity): JsonObject {
	const { identity, generationId, managedBy, deviceScope } = entry;
	const { type, keys, thumbprints } = entry.authentication;
	const authentication: JsonObject = {
		type,
		symmetricKey: { primaryKey: keys[0] ?? null, secondaryKey: keys[1] ?? null },
		x509Thumbprint: {
			primaryThumbprint: thumbprints[0] ?? null,
			secondaryThumbprint: thumbprints[1] ?? null,
		},
	};
	const { deviceId, moduleId } = identity;
	if (moduleId !== undefined) {
		return {
			deviceId,
			moduleId,
			generationId,
			authentication,
			...(managedBy === undefined ? {} : { managedBy }),
		};
	}
	return {
		deviceId,
		generationId,
		status: entry.enabled ? 'enabled' : 'disabled',
		authentication,
		capabilities: { iotEdge: entry.edgeCapable },
		...(deviceScope === undefined ? {} : { deviceScope }),
		parentScopes: [...entry.parentScopes],
	};
}

const authenticationTypes: readonly AuthenticationType[] = [
	'none',
	'sas',
	'selfSigned',
	'certificateAuthority',
];

function parseAuthentication(value: JsonValue | undefined): RegistryIdentity['authentication'] {
	const authentication = objectOf(value);
	const written = textOf(authentication['type'])?.toLowerCase();
	const type = authenticationTypes.find((known) => known.toLowerCase() === written) ?? 'none';
	const key = objectOf(authentication['symmetricKey']);
	const thumbprint = objectOf(authentication['x509Thumbprint']);
	return {
		type,
		keys: texts(key['primaryKey'], key['secondaryKey']),
		thumbprints: texts(thumbprint['primaryThumbprint'], thumbprint['secondaryThumbprint']),
	};
}

function objectOf(value: JsonValue | undefined): JsonObject {
	return isJsonObject(value) ? value : {};
}

function textOf(value: JsonValue | undefined): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}

function texts(...values: (JsonValue | undefined)[]): string[] {
	return values.filter((value): value is string => typeof value === 'string' && value !== '');
}
