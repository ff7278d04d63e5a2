import type { Identity } from '../../protocol/identity.ts';
import { isJsonObject, jsonText } from '../../runtime/json.ts';
import { asIotHubError, IotHubError } from '../iot-hub-error.ts';
import { newKey } from './authentication-mechanism.ts';
import type { IdentityRegistry } from './identity-registry.ts';

/** Identities of one request, as for other bulk operations. */
const maxIdentities = 100;

const policyKeys = ['primaryKey', 'secondaryKey', 'both'] as const;

type PolicyKey = (typeof policyKeys)[number];

/** What became of a request for new keys. */
export interface KeyRegenerationResult {
	readonly policyKey: PolicyKey;
	readonly rotatedKeys: readonly {
		readonly id: string;
		readonly moduleId?: string;
		readonly primaryKey: string | null;
		readonly secondaryKey: string | null;
	}[];
	readonly errors: readonly {
		readonly id: string;
		readonly moduleId?: string;
		readonly errorCode: string;
		readonly errorStatus: string;
	}[];
}

/**
 * Gives identities new keys: `{policyKey, devices: [{id, moduleId?}]}`, as `az iot hub
 * device-identity renew-key` asks for it. One that fails does not keep the others from theirs.
 *
 * @throws IotHubError ArgumentInvalid, TooManyDevices
 */
export function regenerateKeys(registry: IdentityRegistry, body: unknown): KeyRegenerationResult {
	const { policyKey: given, devices } = isJsonObject(body) ? body : {};
	const policyKey = policyKeys.find((each) => each === given);
	if (policyKey === undefined) {
		throw new IotHubError('ArgumentInvalid', `policyKey is none of ${policyKeys.join(', ')}.`);
	}
	if (!Array.isArray(devices) || devices.length === 0) {
		throw new IotHubError('ArgumentInvalid', 'devices is not a list of identities.');
	}
	if (devices.length > maxIdentities) {
		const message = `The list has ${devices.length} identities, at most ${maxIdentities} may be.`;
		throw new IotHubError('TooManyDevices', message);
	}
	const rotatedKeys: KeyRegenerationResult['rotatedKeys'][number][] = [];
	const errors: KeyRegenerationResult['errors'][number][] = [];
	for (const entry of devices) {
		const identity = identityFrom(entry);
		const { deviceId: id, moduleId } = identity;
		const named = moduleId === undefined ? { id } : { id, moduleId };
		try {
			rotatedKeys.push({ ...named, ...renew(registry, identity, policyKey) });
		} catch (error) {
			const { code, message } = asIotHubError(error);
			errors.push({ ...named, errorCode: code, errorStatus: message });
		}
	}
	return { policyKey, rotatedKeys, errors };
}

function renew(registry: IdentityRegistry, { deviceId, moduleId }: Identity, policyKey: PolicyKey) {
	const record =
		moduleId === undefined ? registry.device(deviceId) : registry.module({ deviceId, moduleId });
	const { type, symmetricKey } = record.authentication;
	if (type !== 'sas') {
		throw new IotHubError('ArgumentInvalid', `The identity has no keys, it is of type ${type}.`);
	}
	const keys = {
		...symmetricKey,
		...(policyKey !== 'secondaryKey' && { primaryKey: newKey() }),
		...(policyKey !== 'primaryKey' && { secondaryKey: newKey() }),
	};
	const renewed = { ...record, authentication: { type, symmetricKey: keys } };
	if (moduleId === undefined) registry.putDevice(deviceId, renewed, record.etag);
	else registry.putModule({ deviceId, moduleId }, renewed, record.etag);
	return keys;
}

/** @throws IotHubError ArgumentInvalid */
function identityFrom(entry: unknown): Identity {
	const { id, moduleId } = isJsonObject(entry) ? entry : {};
	if (typeof id !== 'string') throw new IotHubError('ArgumentInvalid', 'An identity has no id.');
	if (moduleId === undefined || moduleId === null) return { deviceId: id };
	return { deviceId: id, moduleId: jsonText(moduleId) };
}
