import mqttPacket from 'mqtt-packet';
import { LoadConnection } from './load-connection.ts';

// Publishers and one subscriber in one process, so that one clock measures. The argument is a Load as
// JSON; prints a Measurement as JSON. The parent is told when the time that counts begins and ends.

/** What to send where. */
export interface Load {
	readonly port: number;
	/** PEM. */
	readonly authority: string;
	readonly publishers: number;
	/** Messages of one publisher that have not arrived, or are not acknowledged. */
	readonly window: number;
	readonly bytes: number;
	/** Messages a second of all publishers together; as many as there is room for where absent. */
	readonly rate?: number;
	readonly warmUpMs: number;
	readonly ms: number;
}

/** What became of it, in the time that counts. */
export interface Measurement {
	/** Messages that arrived. */
	readonly messages: number;
	readonly seconds: number;
	/** Milliseconds from publish to arrival. */
	readonly p50: number;
	readonly p99: number;
	/** The load's own part of a processor, from 0 to 1: a broker is measured where it is below 1. */
	readonly busy: number;
}

const load: Load = JSON.parse(process.argv[2] ?? '');

/** Tells the messages of this load from others. */
const run = process.pid;
/** Bytes that begin a payload: when it was sent, by whom, in which run. */
const stampBytes = 16;
let stopping = false;
let measuring = false;
const latencies: number[] = [];
const publishers: Publisher[] = [];

/** Does something once at the end of the turn, however often it is asked. */
function atEndOfTurn(work: () => void): () => void {
	let asked = false;
	return () => {
		if (asked) return;
		asked = true;
		setImmediate(() => {
			asked = false;
			work();
		});
	};
}

class Publisher {
	#connection: LoadConnection | undefined;
	readonly #template: Buffer;
	readonly #stampAt: number;
	readonly #idAt: number;
	#acknowledged = 0;
	#arrived = 0;
	#sent = 0;
	/** Sending further messages may be due. */
	readonly changed = atEndOfTurn(() => {
		if (load.rate === undefined) this.send(this.room);
	});

	constructor(index: number) {
		const payload = Buffer.alloc(load.bytes, 0x78);
		payload.writeUInt32LE(index, 8);
		payload.writeUInt32LE(run, 12);
		const topic = `devices/edge1/modules/s${index}/messages/events/`;
		const flags = { qos: 1, dup: false, retain: false, messageId: 1 } as const;
		this.#template = mqttPacket.generate({ cmd: 'publish', topic, payload, ...flags });
		this.#stampAt = this.#template.length - load.bytes;
		this.#idAt = this.#stampAt - 2;
	}

	async connect(moduleId: string): Promise<void> {
		this.#connection = await LoadConnection.open(load, moduleId, {
			acknowledged: (count) => {
				this.#acknowledged += count;
				this.changed();
			},
		});
	}

	/** Messages that may be sent now. */
	get room(): number {
		return load.window - (this.#sent - Math.min(this.#acknowledged, this.#arrived));
	}

	arrived(): void {
		this.#arrived += 1;
		this.changed();
	}

	send(count: number): void {
		if (count <= 0 || stopping) return;
		const size = this.#template.length;
		const bytes = Buffer.allocUnsafe(count * size);
		const now = performance.now();
		for (let start = 0; start < bytes.length; start += size) {
			this.#template.copy(bytes, start);
			bytes.writeUInt16BE((this.#sent % 65_535) + 1, start + this.#idAt);
			bytes.writeDoubleLE(now, start + this.#stampAt);
			this.#sent += 1;
		}
		this.#connection?.write(bytes);
	}
}

/** Lets publishers send in turn, so many messages a second together. */
function pace(rate: number): void {
	const began = performance.now();
	let sent = 0;
	setInterval(() => {
		const due = Math.floor(((performance.now() - began) * rate) / 1000);
		for (; sent < due; sent += 1) publishers[sent % publishers.length]?.send(1);
	}, 1);
}

async function subscribe(): Promise<void> {
	let acknowledgements: Buffer[] = [];
	const acknowledge = atEndOfTurn(() => {
		subscriber.write(Buffer.concat(acknowledgements));
		acknowledgements = [];
	});
	const subscriber: LoadConnection = await LoadConnection.open(load, 'sink', {
		published: (packetId, buffer, start) => {
			acknowledgements.push(Buffer.from([0x40, 2, packetId >> 8, packetId & 0xff]));
			acknowledge();
			// What an earlier load has left behind.
			if (buffer.readUInt32LE(start + stampBytes - 4) !== run) return;
			if (measuring) latencies.push(performance.now() - buffer.readDoubleLE(start));
			publishers[buffer.readUInt32LE(start + 8)]?.arrived();
		},
	});
	// One of them selects what the edge hub sends, the other what is published at other brokers.
	subscriber.subscribe(1, 'devices/edge1/modules/sink/inputs/#');
	subscriber.subscribe(2, 'devices/edge1/modules/+/messages/events/');
}

const passed = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

await subscribe();
const indexes = Array.from({ length: load.publishers }, (_, index) => index);
publishers.push(...indexes.map((index) => new Publisher(index)));
await Promise.all(publishers.map((publisher, index) => publisher.connect(`s${index}`)));
if (load.rate === undefined) for (const publisher of publishers) publisher.changed();
else pace(load.rate);
await passed(load.warmUpMs);
measuring = true;
const began = performance.now();
const beganBusy = process.cpuUsage();
console.log(JSON.stringify('begin'));
await passed(load.ms);
measuring = false;
stopping = true;
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(beganBusy);
latencies.sort((one, other) => one - other);
const quantile = (part: number) => latencies[Math.floor(latencies.length * part)] ?? Number.NaN;
const measurement: Measurement = {
	messages: latencies.length,
	seconds,
	p50: quantile(0.5),
	p99: quantile(0.99),
	busy: (user + system) / 1e6 / seconds,
};
console.log(JSON.stringify(measurement));
process.exit(0);
