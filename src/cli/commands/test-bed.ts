import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseHubSize } from '../../iot-hub-emulator/throttles.ts';
import { systemClock } from '../../runtime/clock.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import { TestEdge } from '../../testing/test-edge.ts';
import { exitCode } from '../exit-code.ts';
import { interruption, untilAborted } from '../interruption.ts';
import { printMembers } from '../member-table.ts';
import type { OutputForm } from '../output-form.ts';
import type { Terminal } from '../terminal.ts';

/** Options of `test-bed up`. */
export interface TestBedOptions {
	readonly manifest?: string;
	readonly modules?: readonly string[];
	/** Leaf devices `device1`, `device2`… below the edge. */
	readonly devices: number;
	/** Modules that tests play. */
	readonly probe?: readonly string[];
	readonly hubPort?: number;
	readonly gatewayPort?: number;
	/** `S1`, `S1:2`. */
	readonly throttle?: string;
	readonly state: string;
	readonly output: OutputForm;
}

const fileName = 'test-bed.json';

/** Starts an edge for tests of any language, says where everything is, and stays until it is ended. */
export async function testBedUp(options: TestBedOptions, terminal: Terminal): Promise<number> {
	using interrupted = interruption();
	const { manifest, modules = [], gatewayPort, hubPort, throttle } = options;
	const samples = resolve(import.meta.dirname, '../../modules');
	const edge = new TestEdge({
		...(manifest === undefined ? {} : { manifest }),
		...(hubPort === undefined ? {} : { hubPort }),
		...(throttle === undefined ? {} : { hubSize: parseHubSize(throttle) }),
		moduleRoots: [...modules, '.', samples],
		hubEnv: gatewayPort === undefined ? {} : { mqttSettings__port: String(gatewayPort) },
	});
	const folder = resolve(options.state);
	const file = join(folder, fileName);
	try {
		await edge.start();
		const description = await describe(edge, options, folder);
		await writeFile(file, JSON.stringify(description), { mode: 0o600 });
		printMembers(description, options.output, terminal);
		await untilAborted(interrupted.signal);
		return exitCode.ok;
	} finally {
		await edge[Symbol.asyncDispose]();
		await rm(file, { force: true });
	}
}

/** Ends the test bed of a folder; resolves when it has ended. */
export async function testBedDown(
	options: { readonly state: string },
	terminal: Terminal,
): Promise<number> {
	const file = join(resolve(options.state), fileName);
	const text = await readFile(file, 'utf8').catch(() => undefined);
	const pid: unknown = text === undefined ? undefined : JSON.parse(text).pid;
	if (typeof pid !== 'number' || !lives(pid)) {
		await rm(file, { force: true });
		terminal.note('No test bed runs here.\n');
		return exitCode.failed;
	}
	process.kill(pid, 'SIGTERM');
	while (lives(pid)) await systemClock.sleep(50);
	return exitCode.ok;
}

function lives(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
}

/** It holds secrets, as tests need them. */
async function describe(edge: TestEdge, options: TestBedOptions, folder: string) {
	const { devices: count, probe = [] } = options;
	if (!Number.isSafeInteger(count) || count < 0) {
		throw new EdgeError('EDGE_SETTING_INVALID', 'Give a number.', { where: '--devices' });
	}
	await mkdir(folder, { recursive: true, mode: 0o700 });
	const hubCaFile = join(folder, 'test-bed-hub-ca.pem');
	const gatewayCaFile = join(folder, 'test-bed-gateway-ca.pem');
	await writeFile(hubCaFile, edge.hub.authority);
	await writeFile(gatewayCaFile, edge.trustBundle);
	const devices = Array.from({ length: count }, (_, index) => `device${index + 1}`);
	const { deviceId } = edge;
	return {
		hubHostName: edge.hub.hostName,
		hubConnectionString: edge.hub.connectionString,
		eventHubConnectionString: edge.hub.emulator.eventHubConnectionString,
		hubCaFile,
		deviceId,
		gatewayHostName: edge.gatewayHostName,
		gatewayCaFile,
		devices: Object.fromEntries(devices.map((id) => [id, edge.connectionString({ deviceId: id })])),
		modules: Object.fromEntries(
			probe.map((moduleId) => [moduleId, edge.connectionString({ deviceId, moduleId })]),
		),
		running: edge.modules,
		ports: { iotHub: edge.hub.emulator.port, edgeHub: portOf(edge.gatewayHostName) },
		kubeconfig: edge.kubeconfig,
		stateFolder: folder,
		pid: process.pid,
	};
}

function portOf(hostName: string): number {
	return Number(hostName.slice(hostName.lastIndexOf(':') + 1));
}
