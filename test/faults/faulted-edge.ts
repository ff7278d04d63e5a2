import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { FakeWorkload } from '../support/fake-workload.ts';
import { freePort } from '../support/free-port.ts';
import { DeliveryTally, parseText } from './delivery-tally.ts';
import { HubProcess } from './hub-process.ts';
import type { ModuleAccount } from './module-account.ts';
import { ModuleProcess } from './module-process.ts';
import type { SeededRandom } from './seeded-random.ts';
import { SmallDisk } from './small-disk.ts';

const deviceId = 'edge1';
const input = 'filter/in1';
const upstream = 'IoT Hub';

export interface FaultedEdgeOptions {
	readonly senders: number;
	/** Messages a second and sender. */
	readonly rate: number;
	readonly storeBytes: number;
	/** Size of a real disk for the hub; absent for the machine's own. */
	readonly diskBytes?: number;
	readonly random: SeededRandom;
}

/**
 * A hub process between sending modules, a receiving module and an emulated IoT Hub, and the means
 * to break each of them. Every message is owed to the module and to IoT Hub.
 */
export class FaultedEdge {
	readonly emulator: IotHubEmulator;
	readonly tally = new DeliveryTally([upstream, input]);
	readonly #options: FaultedEdgeOptions;
	readonly #folder: string;
	readonly #undo: (() => unknown)[] = [];
	#env: Readonly<Record<string, string>> = {};
	#account: (moduleId: string) => ModuleAccount = () => {
		throw new Error('Not started.');
	};
	#senders: ModuleProcess[] = [];
	#receiver: ModuleProcess | undefined;
	#hub: HubProcess | undefined;
	#disk: SmallDisk | undefined;
	#clockShift = 0;

	private constructor(options: FaultedEdgeOptions, folder: string) {
		this.#options = options;
		this.#folder = folder;
		const retention = { maxEvents: 50_000, maxBytes: 64 * 1024 * 1024 };
		this.emulator = new IotHubEmulator({ retention });
	}

	static async start(options: FaultedEdgeOptions): Promise<FaultedEdge> {
		const folder = await mkdtemp(join(tmpdir(), 'iotedge-k8s-faults-'));
		const edge = new FaultedEdge(options, folder);
		edge.#undo.push(() => rm(folder, { recursive: true, force: true }));
		try {
			await edge.#start();
		} catch (error) {
			await edge.stop();
			throw error;
		}
		return edge;
	}

	/** Ends everything and removes its files. */
	async stop(): Promise<void> {
		await this.killHub();
		await this.#receiver?.kill();
		for (const sender of this.#senders) await sender.kill();
		for (const step of this.#undo.splice(0).reverse()) await step();
	}

	/** The hub's last log lines. */
	get hubLog(): readonly string[] {
		return this.#hub?.lines ?? [];
	}

	/** Whether the hub has ended without having been killed. */
	get hubEnded(): boolean {
		return this.#hub?.ended ?? false;
	}

	startHub(): HubProcess {
		this.#hub = new HubProcess({
			env: this.#env,
			clockShift: this.#clockShift,
			...(this.#disk === undefined ? {} : { wrapper: this.#disk.wrapper }),
		});
		return this.#hub;
	}

	async killHub(): Promise<void> {
		await this.#hub?.kill();
	}

	async restartReceiver(): Promise<void> {
		await this.#receiver?.kill();
		this.#receiver = new ModuleProcess('receiving-module.ts', this.#account('filter'), (line) =>
			this.tally.arrive(input, parseText(line.slice(1))),
		);
	}

	/** Lets the hub's wall clock jump so that it is wrong by so many milliseconds. */
	setClock(ms: number): void {
		this.#hub?.shiftClock(ms - this.#clockShift);
		this.#clockShift = ms;
	}

	startSenders(): void {
		this.#senders = Array.from({ length: this.#options.senders }, (_, index) => {
			const sender = senderName(index);
			const program = index === 0 ? 'sending-sdk-module.ts' : 'sending-module.ts';
			return new ModuleProcess(program, this.#account(sender), (line) =>
				this.tally.acknowledge({ sender, number: Number(line.slice(1)) }),
			);
		});
	}

	askSendersToStop(): void {
		for (const sender of this.#senders) sender.askToStop();
	}

	get sendersStopped(): boolean {
		return this.#senders.every((sender) => sender.ended);
	}

	/** What modules have said on standard error, and whether the receiving one has ended by itself. */
	get moduleErrors(): string {
		const modules = [...this.#senders, ...(this.#receiver === undefined ? [] : [this.#receiver])];
		const ending = this.#receiver?.ending;
		const ended = ending === undefined ? '' : `The receiving module has ended: ${ending}.`;
		return modules.map(({ errors }) => errors).join('') + ended;
	}

	async #start(): Promise<void> {
		await this.emulator.start();
		this.#undo.push(() => this.emulator.stop());
		this.#registerModules();
		const workload = await FakeWorkload.create((moduleId) => this.#keyOf(moduleId));
		const { uri, stop } = await workload.listen();
		this.#undo.push(stop);
		// The same one after every kill.
		const hubPort = await freePort();
		const authorityFile = join(this.#folder, 'iot-hub.pem');
		await writeFile(authorityFile, this.emulator.caCertificate);
		const storage = join(this.#folder, 'storage');
		await mkdir(storage);
		await this.#mountDisk(storage);
		this.#env = {
			IOTEDGE_DEVICEID: deviceId,
			IOTEDGE_MODULEID: '$edgeHub',
			IOTEDGE_MODULEGENERATIONID: this.emulator.registry.module(moduleOf('$edgeHub')).generationId,
			IOTEDGE_IOTHUBHOSTNAME: this.emulator.hostName,
			IOTEDGE_WORKLOADURI: uri,
			IOT_HUB_CA_FILE: authorityFile,
			EdgeDeviceHostName: 'localhost',
			ListenHost: '127.0.0.1',
			StorageFolder: storage,
			MaxStoreBytes: String(this.#options.storeBytes),
			mqttSettings__port: String(hubPort),
			httpSettings__metrics_port: '0',
			httpSettings__port: '0',
			amqpSettings__port: '0',
			RuntimeLogLevel: 'info',
		};
		this.#account = (moduleId) => ({
			hubPort,
			iotHubHostName: this.emulator.hostName,
			deviceId,
			moduleId,
			key: this.#keyOf(moduleId),
			authority: workload.authority.certificate,
			rate: this.#options.rate,
			seed: this.#options.random.below(2 ** 32),
		});
		const arrivals = this.emulator.telemetry.subscribe(0, ({ body }) => {
			this.tally.arrive(upstream, parseText(Buffer.from(body).toString('latin1', 0, 60)));
		});
		this.#undo.push(() => arrivals[Symbol.dispose]());
	}

	async #mountDisk(folder: string): Promise<void> {
		const { diskBytes } = this.#options;
		if (diskBytes === undefined) return;
		const disk = await SmallDisk.mount(folder, diskBytes);
		this.#disk = disk;
		this.#undo.push(() => disk.unmount());
	}

	#registerModules(): void {
		const { registry, twins } = this.emulator;
		registry.putDevice(deviceId, { capabilities: { iotEdge: true } });
		registry.putModule(moduleOf('$edgeHub'), { authentication: { type: 'sas' } }, '*');
		for (let index = 0; index < this.#options.senders; index += 1) {
			registry.putModule(moduleOf(senderName(index)), {});
		}
		registry.putModule(moduleOf('filter'), {});
		twins.patch(moduleOf('$edgeHub'), { properties: { desired: desiredProperties() } });
	}

	#keyOf(moduleId: string): string {
		const { symmetricKey } = this.emulator.registry.record(moduleOf(moduleId)).authentication;
		if (symmetricKey.primaryKey === null) throw new Error(`${moduleId} has no key.`);
		return symmetricKey.primaryKey;
	}
}

/** Each lane is a route to each endpoint, with a priority of its own. */
function desiredProperties() {
	const priorities = { urgent: 0, usual: 5, bulk: 9 };
	const routes: Record<string, object> = {};
	for (const [lane, priority] of Object.entries(priorities)) {
		const from = `FROM /messages/modules/* WHERE lane = '${lane}' INTO`;
		routes[`${lane}-up`] = { route: `${from} $upstream`, priority };
		routes[`${lane}-in`] = {
			route: `${from} BrokeredEndpoint("/modules/filter/inputs/in1")`,
			priority,
		};
	}
	// Beyond what the clock jumps: a message that expires would count as lost.
	const storeAndForwardConfiguration = { timeToLiveSecs: 10_000_000 };
	return { schemaVersion: '1.1', routes, storeAndForwardConfiguration };
}

function moduleOf(moduleId: string) {
	return { deviceId, moduleId };
}

function senderName(index: number): string {
	return `sender${index}`;
}
