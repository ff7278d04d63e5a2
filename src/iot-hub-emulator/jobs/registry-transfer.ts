import { setImmediate as nextTurn } from 'node:timers/promises';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { type BulkResult, runBulkOperation } from '../registry/bulk-operation.ts';
import { etagOfCounter } from '../registry/etag.ts';
import type { DeviceRecord, ModuleRecord } from '../registry/identity-record.ts';
import type { IdentityRegistry } from '../registry/identity-registry.ts';
import { sectionWithMetadata } from '../twin/twin-section.ts';
import type { Twins } from '../twin/twins.ts';

/** What is moved out of a hub, and into one. */
export interface TransferredHub {
	readonly registry: IdentityRegistry;
	readonly twins: Twins;
}

/** Identities of one bulk operation. */
const chunk = 100;

/** How a transfer lets others have their turn, and tells how far it is. */
export interface TransferPace {
	/** Ends the transfer between two steps. */
	readonly signal: AbortSignal;
	/** @param part from 0 to 1 */
	readonly done: (part: number) => void;
}

/**
 * All identities with their twins, one JSON object a line (IoT Hub documentation, "Export").
 *
 * @throws the signal's reason
 */
export async function exportLines(
	hub: TransferredHub,
	excludeKeys: boolean,
	pace: TransferPace,
): Promise<string> {
	const lines: string[] = [];
	const devices = [...hub.registry.devices()];
	for (const [at, { deviceId }] of devices.entries()) {
		if (at % chunk === 0) await step(pace, at / devices.length);
		const device = hub.registry.findDevice(deviceId);
		if (device === undefined) continue;
		lines.push(JSON.stringify(line(hub, device, excludeKeys)));
		for (const module of hub.registry.modules(device.deviceId)) {
			lines.push(JSON.stringify(line(hub, module, excludeKeys)));
		}
	}
	return lines.map((text) => `${text}\n`).join('');
}

/**
 * Does what the lines of an export say; without an `importMode` identities are made or updated.
 *
 * @returns what went wrong with single identities
 * @throws IotHubError ArgumentInvalid for a line that is not a JSON object, before anything is done;
 *   the signal's reason
 */
export async function importLines(
	hub: TransferredHub,
	text: string,
	pace: TransferPace,
): Promise<BulkResult['errors']> {
	const entries = text
		.split('\n')
		.filter((each) => each.trim() !== '')
		.map((each, index) => ({ importMode: 'createOrUpdate', ...parsed(each, index) }));
	const errors: BulkResult['errors'][number][] = [];
	for (let at = 0; at < entries.length; at += chunk) {
		await step(pace, at / entries.length);
		errors.push(...runBulkOperation(hub, entries.slice(at, at + chunk)).errors);
	}
	return errors;
}

async function step({ signal, done }: TransferPace, part: number): Promise<void> {
	await nextTurn();
	signal.throwIfAborted();
	done(part);
}

function parsed(text: string, index: number): JsonObject {
	try {
		const entry: unknown = JSON.parse(text);
		if (isJsonObject(entry)) return entry;
	} catch {
		// The same answer as for JSON that is no object.
	}
	throw new IotHubError('ArgumentInvalid', `Line ${index + 1} is not a JSON object.`);
}

function line(
	hub: TransferredHub,
	record: DeviceRecord | ModuleRecord,
	excludeKeys: boolean,
): JsonObject {
	const twin = hub.twins.get(record);
	const { authentication, deviceId, etag } = record;
	const symmetricKey = { primaryKey: null, secondaryKey: null };
	return {
		id: deviceId,
		...('moduleId' in record ? { moduleId: record.moduleId, managedBy: record.managedBy } : {}),
		eTag: etag,
		...('status' in record ? deviceMembers(record) : {}),
		authentication: {
			...authentication,
			symmetricKey: excludeKeys ? symmetricKey : { ...authentication.symmetricKey },
			x509Thumbprint: { ...authentication.x509Thumbprint },
		},
		twinETag: etagOfCounter(twin.serviceVersion),
		tags: twin.tags,
		properties: {
			desired: sectionWithMetadata(twin.desired),
			reported: sectionWithMetadata(twin.reported),
		},
	};
}

function deviceMembers(device: DeviceRecord): JsonObject {
	const { status, statusReason, capabilities, deviceScope, parentScopes } = device;
	// An edge device's own scope is made anew with it.
	const scope = capabilities.iotEdge || deviceScope === undefined ? {} : { deviceScope };
	return {
		status,
		statusReason,
		capabilities: { ...capabilities },
		...scope,
		...(parentScopes.length === 0 ? {} : { parentScopes: [...parentScopes] }),
	};
}
