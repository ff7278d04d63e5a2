import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { IotHubEmulator } from '../../iot-hub-emulator/emulator.ts';
import { environmentFile } from '../../iot-hub-emulator/environment-file.ts';
import type { EventSource } from '../../iot-hub-emulator/telemetry/hub-events.ts';
import { parseHubSize } from '../../iot-hub-emulator/throttles.ts';
import { parseJsonText } from '../../manifest/json-text.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import type { JsonValue } from '../../runtime/json.ts';
import { createLogger } from '../../runtime/logger.ts';
import { exitCode } from '../exit-code.ts';
import { readText } from '../hub/hub-access.ts';
import { interruption, untilAborted } from '../interruption.ts';
import { printMembers } from '../member-table.ts';
import type { OutputForm } from '../output-form.ts';
import type { Terminal } from '../terminal.ts';

/** Options of `emulator`. */
export interface EmulatorOptions {
	readonly port?: number;
	readonly address?: string;
	/** Names under which clients address the hub, the main one first. */
	readonly hostName?: readonly string[];
	readonly standardPorts?: boolean;
	readonly state: string;
	/** Whether everything is kept from run to run. */
	readonly keep?: boolean;
	readonly device?: readonly string[];
	readonly edgeDevice?: readonly string[];
	/** `S1`, `S1:2`. */
	readonly throttle?: string;
	readonly events?: readonly EventSource[];
	/** File of message routing. */
	readonly routing?: string;
	readonly output: OutputForm;
}

/** Runs an IoT Hub until it is interrupted, after it has said where everything is. */
export async function runEmulator(options: EmulatorOptions, terminal: Terminal): Promise<number> {
	using interrupted = interruption();
	const folder = resolve(options.state);
	const routes = options.routing === undefined ? undefined : await readRouting(options.routing);
	const { port, address, hostName, standardPorts, throttle, events } = options;
	const emulator = new IotHubEmulator({
		...(options.keep ? { folder: join(folder, 'iot-hub') } : {}),
		...(port === undefined ? {} : { port }),
		...(address === undefined ? {} : { address }),
		...(hostName === undefined ? {} : { hostNames: hostName }),
		...(standardPorts === undefined ? {} : { standardPorts }),
		...(throttle === undefined ? {} : { size: parseHubSize(throttle) }),
		...(events === undefined ? {} : { eventSources: events }),
		logger: createLogger('warn', 'emulator'),
	});
	try {
		await emulator.start();
		if (routes !== undefined) setRouting(emulator, routes);
		ensureDevices(emulator, options);
		printMembers(await describe(emulator, folder), options.output, terminal);
		await untilAborted(interrupted.signal);
		return exitCode.ok;
	} finally {
		await emulator.stop();
	}
}

interface RoutingFile {
	readonly file: string;
	readonly document: JsonValue;
}

/** @throws EdgeError EDGE_FILE_UNREADABLE, EDGE_EMULATOR_ROUTING_INVALID */
async function readRouting(file: string): Promise<RoutingFile> {
	const { value, problems } = parseJsonText(await readText(file));
	if (value !== undefined) return { file, document: value };
	const message = problems.map((problem) => problem.message).join(' ');
	throw new EdgeError('EDGE_EMULATOR_ROUTING_INVALID', message, { where: file });
}

/** @throws EdgeError EDGE_EMULATOR_ROUTING_INVALID */
function setRouting(emulator: IotHubEmulator, { file, document }: RoutingFile): void {
	try {
		emulator.routing.put(document);
	} catch (cause) {
		const options = { where: file, cause };
		throw new EdgeError('EDGE_EMULATOR_ROUTING_INVALID', messageOf(cause), options);
	}
}

function ensureDevices(
	{ registry }: IotHubEmulator,
	{ device = [], edgeDevice = [] }: EmulatorOptions,
): void {
	for (const deviceId of [...edgeDevice, ...device]) {
		if (registry.findDevice(deviceId) !== undefined) continue;
		const iotEdge = edgeDevice.includes(deviceId);
		registry.putDevice(deviceId, { deviceId, capabilities: { iotEdge } });
	}
}

/** Writes the authority and the variables for SDKs. @returns what tests need, secrets with it. */
async function describe(emulator: IotHubEmulator, folder: string) {
	await mkdir(folder, { recursive: true, mode: 0o700 });
	const hubCaFile = join(folder, 'iot-hub-ca.pem');
	await writeFile(hubCaFile, emulator.caCertificate);
	const access = emulator.access(hubCaFile);
	const variables = join(folder, '.env');
	await writeFile(variables, environmentFile(access), { mode: 0o600 });
	return {
		hubHostName: emulator.hostName,
		hubConnectionString: access.service,
		eventHubConnectionString: access.events,
		provisioning: access.provisioning,
		hubCaFile,
		environmentFile: variables,
		devices: Object.fromEntries(access.devices),
		ports: { iotHub: emulator.port },
		pid: process.pid,
	};
}
