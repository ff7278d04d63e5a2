import type { ExecutionContext } from 'ava';
import type { EdgeHub, EdgeHubDependencies } from '../../src/edge-hub/hub.ts';
import { HubNetwork } from '../../src/iot-hub-client/hub-network.ts';
import { IotHubRest } from '../../src/iot-hub-client/iot-hub-rest.ts';
import { SdkIotHubClient } from '../../src/iot-hub-client/sdk-iot-hub-client.ts';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import type { Identity } from '../../src/protocol/identity.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { MemoryKeyValueStore } from '../../src/storage/memory-key-value-store.ts';
import { MemoryMessageLog } from '../../src/storage/memory-message-log.ts';
import { FakeWorkload } from './fake-workload.ts';
import { listeningHub } from './listening-hub.ts';

/** An edge hub with a real IoT Hub, or another edge hub, above it. */
export interface EdgeBelow {
	readonly deviceId: string;
	readonly hub: EdgeHub;
	readonly workload: FakeWorkload;
}

export interface EdgeBelowOptions {
	readonly deviceId: string;
	readonly modules?: readonly string[];
	/** Desired properties of `$edgeHub`. */
	readonly desired: JsonObject;
	/** The edge hub that is between this one and IoT Hub. */
	readonly parent?: EdgeBelow;
	readonly env?: Readonly<Record<string, string>>;
	/** What survives a restart. */
	readonly values?: MemoryKeyValueStore;
	/** The workload API of an earlier start. */
	readonly workload?: FakeWorkload;
}

const backoff = { initial: 20, max: 100 };

/** The key of an identity in the emulator, base64. */
export function keyIn({ registry }: IotHubEmulator, { deviceId, moduleId }: Identity): string {
	const record =
		moduleId === undefined ? registry.device(deviceId) : registry.module({ deviceId, moduleId });
	return record.authentication.symmetricKey.primaryKey ?? '';
}

/** Registers an edge device with its modules, below its parent where it has one. */
export function registerEdge(
	{ registry }: IotHubEmulator,
	{ deviceId, modules = [], parent }: Pick<EdgeBelowOptions, 'deviceId' | 'modules' | 'parent'>,
): void {
	const above = parent === undefined ? undefined : registry.device(parent.deviceId).deviceScope;
	registry.putDevice(deviceId, {
		capabilities: { iotEdge: true },
		parentScopes: above === undefined ? [] : [above],
	});
	for (const moduleId of ['$edgeAgent', '$edgeHub', ...modules]) {
		// IoT Hub makes the first two itself, without keys.
		const known = moduleId.startsWith('$') ? '*' : undefined;
		registry.putModule({ deviceId, moduleId }, { authentication: { type: 'sas' } }, known);
	}
}

/** Starts the hub of an edge device that is registered; it stops with the test. */
export async function startEdgeBelow(
	t: ExecutionContext,
	emulator: IotHubEmulator,
	options: EdgeBelowOptions,
): Promise<EdgeBelow> {
	const { deviceId, parent, env, values = new MemoryKeyValueStore() } = options;
	const hubIdentity = { deviceId, moduleId: '$edgeHub' };
	emulator.twins.patch(hubIdentity, { properties: { desired: options.desired } });
	const workload = await FakeWorkload.create((moduleId) => keyIn(emulator, { deviceId, moduleId }));
	const hub = await listeningHub(t, {
		...upstreamOf(emulator, hubIdentity, parent, workload),
		deviceId,
		hostName: emulator.hostName,
		env,
		workload: workload.for('$edgeHub'),
		openStorage: () => ({ values, messages: new MemoryMessageLog() }),
	});
	return { deviceId, hub, workload };
}

/** The parent listens on a port for each protocol, which one name with a port cannot say. */
function upstreamOf(
	emulator: IotHubEmulator,
	hubIdentity: Identity,
	parent: EdgeBelow | undefined,
	workload: FakeWorkload,
): Pick<EdgeHubDependencies, 'network' | 'createIotHubClient' | 'scopeSource'> {
	const network = new HubNetwork({
		trustedCertificates:
			parent === undefined ? emulator.caCertificate : parent.workload.authority.certificate,
	});
	const gateway = (port: number | undefined) =>
		port === undefined ? {} : { gatewayHostName: `localhost:${port}` };
	return {
		network,
		createIotHubClient: (options) =>
			new SdkIotHubClient(
				{ ...options, network, ...gateway(parent?.hub.mqttPort) },
				{ backoff, refusedBackoff: backoff },
			),
		scopeSource: new IotHubRest({
			hostName: emulator.hostName,
			...gateway(parent?.hub.httpsPort),
			identity: hubIdentity,
			credential: () => ({
				kind: 'signer',
				sign: (data) => workload.for('$edgeHub').sign(data),
			}),
			network,
			clock: systemClock,
		}),
	};
}
