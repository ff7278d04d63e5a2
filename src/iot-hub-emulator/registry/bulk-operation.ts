import { identityKey } from '../../protocol/identity.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import { asIotHubError, IotHubError } from '../iot-hub-error.ts';
import type { Twins } from '../twin/twins.ts';
import type { IdentityRegistry } from './identity-registry.ts';

/** Identities of one request (IoT Hub documentation, "Bulk registry operations"). */
const maxIdentities = 100;

/** What became of a bulk operation, as its answer shows it. */
export interface BulkResult {
	readonly isSuccessful: boolean;
	readonly errors: readonly {
		readonly deviceId: string;
		readonly moduleId?: string;
		readonly errorCode: string;
		readonly errorStatus: string;
	}[];
	readonly warnings: readonly never[];
}

interface Entry {
	readonly deviceId: string;
	readonly moduleId?: string;
	readonly body: JsonObject;
}

/** What to do with one entry. `etag` is the one to match, `*` for any. */
type Action = (
	hub: { readonly registry: IdentityRegistry; readonly twins: Twins },
	entry: Entry,
	etag: string,
) => void;

const put: Action = ({ registry }, { deviceId, moduleId, body }, etag) => {
	const ifMatch = etag === '' ? undefined : etag;
	if (moduleId === undefined) registry.putDevice(deviceId, body, ifMatch);
	else registry.putModule({ deviceId, moduleId }, body, ifMatch);
};

const create: Action = (hub, entry) => {
	put(hub, entry, '');
	const { tags, properties } = entry.body;
	if (tags !== undefined || properties !== undefined) hub.twins.patch(entry, entry.body);
};

const createOrUpdate: Action = (hub, entry, etag) => {
	const { deviceId, moduleId } = entry;
	const known =
		moduleId === undefined
			? hub.registry.findDevice(deviceId)
			: hub.registry.findModule({ deviceId, moduleId });
	if (known === undefined) create(hub, entry, '');
	else put(hub, entry, etag);
};

const remove: Action = ({ registry }, { deviceId, moduleId }, etag) => {
	if (moduleId === undefined) registry.deleteDevice(deviceId, etag);
	else registry.deleteModule({ deviceId, moduleId }, etag);
};

const updateTwin: Action = ({ twins }, entry, etag) => {
	twins.patch(entry, entry.body, etag);
};

/** By lower-cased import mode; those that end in `ifmatchetag` match the entry's own tag. */
const actions: ReadonlyMap<string, Action> = new Map([
	['create', create],
	['update', put],
	['createorupdate', createOrUpdate],
	['delete', remove],
	['updatetwin', updateTwin],
]);

const matching = 'ifmatchetag';

/**
 * Runs the operations of a `POST /devices`: `[{id, importMode, …}]`. One that fails does not keep
 * the others from being done.
 *
 * @throws IotHubError ArgumentInvalid for a body that is no list of identities, TooManyDevices for
 * more than 100, DeviceDefinedMultipleTimes for one that is listed twice
 */
export function runBulkOperation(
	hub: { readonly registry: IdentityRegistry; readonly twins: Twins },
	body: unknown,
): BulkResult {
	if (!Array.isArray(body) || body.length === 0) {
		throw invalid(`The body is not a list of 1 to ${maxIdentities} identities.`);
	}
	if (body.length > maxIdentities) {
		const message = `The list has ${body.length} identities, at most ${maxIdentities} may be.`;
		throw new IotHubError('TooManyDevices', message);
	}
	const entries = body.map(entryFrom);
	requireDistinct(entries);
	const errors = entries.flatMap((entry) => runOne(hub, entry));
	return { isSuccessful: errors.length === 0, errors, warnings: [] };
}

/** What is to become of an identity that is listed twice would depend on the order. */
function requireDistinct(entries: readonly Entry[]): void {
	const seen = new Set<string>();
	for (const entry of entries) {
		const key = identityKey(entry);
		if (seen.has(key)) {
			const message = `The list has the identity ${key} more than once.`;
			throw new IotHubError('DeviceDefinedMultipleTimes', message);
		}
		seen.add(key);
	}
}

function runOne(hub: Parameters<Action>[0], entry: Entry): BulkResult['errors'][number][] {
	const { deviceId, moduleId, body } = entry;
	try {
		const mode = String(body['importMode'] ?? 'create').toLowerCase();
		const byTag = mode.endsWith(matching);
		const action = actions.get(byTag ? mode.slice(0, -matching.length) : mode);
		if (action === undefined) throw invalid(`The import mode ${mode} is not known.`);
		const tag = String((mode.startsWith('updatetwin') ? body['twinETag'] : body['eTag']) ?? '*');
		action(hub, entry, byTag ? tag : '*');
		return [];
	} catch (error) {
		const { code, message } = asIotHubError(error);
		const identity = moduleId === undefined ? { deviceId } : { deviceId, moduleId };
		return [{ ...identity, errorCode: code, errorStatus: message }];
	}
}

function entryFrom(item: unknown): Entry {
	if (!isJsonObject(item)) throw invalid('An identity is not an object.');
	const { id, deviceId, moduleId, etag, ...rest } = item;
	const device = id ?? deviceId;
	if (typeof device !== 'string') throw invalid('An identity has no id.');
	const body = { ...rest, eTag: rest['eTag'] ?? etag };
	return typeof moduleId === 'string'
		? { deviceId: device, moduleId, body }
		: { deviceId: device, body };
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', message);
}
