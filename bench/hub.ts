import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { CertificateAuthority } from '../src/certificates/certificate-authority.ts';
import type { Load, Measurement } from './hub/load-process.ts';

// Messages of QoS 1 from modules to a module through the hub as it runs in production: over TLS, each
// on disk before it is acknowledged. The load comes from another process. Where mosquitto is
// installed it is measured in the same way, without persistence and with it; it never waits for the
// disk before it acknowledges. The last column is the broker's processor time for a message, which
// other work on the machine disturbs least.

const loads = [
	{ publishers: 1, window: 1 },
	{ publishers: 1, window: 64 },
	{ publishers: 4, window: 32 },
	{ publishers: 64, window: 8 },
];
const sizes = [256, 1024];
const times = { warmUpMs: 1_000, ms: 3_000 };

interface Broker {
	readonly name: string;
	readonly process: ChildProcess;
	readonly port: number;
	/** PEM. */
	readonly authority: string;
}

const folder = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'bench-hub-'));

async function firstLine(child: ChildProcess): Promise<string> {
	if (child.stdout === null) throw new Error('The process has no output.');
	for await (const line of createInterface(child.stdout)) return line;
	throw new Error('The process ended without a line.');
}

async function startHub(): Promise<Broker> {
	const program = join(import.meta.dirname, 'hub/hub-process.ts');
	const options = (process.env['BENCH_HUB_OPTIONS'] ?? '').split(' ').filter(Boolean);
	const child = spawn(process.execPath, [...options, program, join(folder, 'hub')], {
		stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
	});
	return { name: 'edge hub', process: child, ...JSON.parse(await firstLine(child)) };
}

async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as { port: number };
	server.close();
	await once(server, 'close');
	return port;
}

function mosquittoBinary(): string | undefined {
	const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
	return folders
		.map((each) => join(each, 'mosquitto'))
		.find((path) => {
			try {
				accessSync(path, constants.X_OK);
				return true;
			} catch {
				return false;
			}
		});
}

async function startMosquitto(binary: string, persistence: boolean): Promise<Broker> {
	const home = join(folder, `mosquitto-${persistence}`);
	mkdirSync(home);
	const authority = await CertificateAuthority.create({ commonName: 'Bench', days: 1 });
	const { certificate, privateKey } = await authority.issue({
		commonName: 'localhost',
		dnsNames: ['localhost'],
		usages: ['server'],
		days: 1,
	});
	writeFileSync(join(home, 'server.pem'), certificate);
	writeFileSync(join(home, 'server.key'), privateKey);
	const port = await freePort();
	const lines = [
		`listener ${port} 127.0.0.1`,
		`certfile ${home}/server.pem`,
		`keyfile ${home}/server.key`,
		'allow_anonymous true',
		'max_inflight_messages 64',
		'max_queued_messages 0',
		'set_tcp_nodelay true',
		`user ${process.env['USER'] ?? 'root'}`,
		'log_type none',
		`persistence ${persistence}`,
		...(persistence ? ['autosave_interval 1', `persistence_location ${home}/`] : []),
	];
	writeFileSync(join(home, 'mosquitto.conf'), `${lines.join('\n')}\n`);
	const child = spawn(binary, ['-c', join(home, 'mosquitto.conf')], { stdio: 'ignore' });
	await sleep(500);
	if (child.exitCode !== null) throw new Error('mosquitto did not start.');
	const name = persistence ? 'mosquitto, saved each second' : 'mosquitto, in memory';
	return { name, process: child, port, authority: authority.certificate };
}

interface Result extends Measurement {
	/** Microseconds of the broker's processor time for a message. */
	readonly used: number;
}

async function measure(broker: Broker, load: Partial<Load>): Promise<Result> {
	const { port, authority } = broker;
	const program = join(import.meta.dirname, 'hub/load-process.ts');
	const text = JSON.stringify({ ...times, ...load, port, authority });
	const child = spawn(process.execPath, [program, text], { stdio: ['ignore', 'pipe', 'inherit'] });
	const times_: number[] = [];
	let last = '';
	for await (const line of createInterface(child.stdout)) {
		times_.push(processorTime(broker.process));
		last = line;
	}
	const measurement: Measurement = JSON.parse(last);
	const [began = Number.NaN, ended = Number.NaN] = times_;
	return { ...measurement, used: (ended - began) / measurement.messages };
}

/** Microseconds that a process has used, as Linux tells, in steps of 10 ms; NaN elsewhere. */
function processorTime({ pid }: ChildProcess): number {
	try {
		const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
		return (Number(fields[11]) + Number(fields[12])) * 10_000;
	} catch {
		return Number.NaN;
	}
}

function row(...cells: readonly (string | number)[]): string {
	const [name = '', ...numbers] = cells;
	return String(name).padEnd(30) + numbers.map((cell) => String(cell).padStart(11)).join('');
}

async function run(broker: Broker): Promise<void> {
	try {
		for (const bytes of sizes) {
			for (const load of loads) {
				const { messages, seconds, p50, p99, busy, used } = await measure(broker, {
					...load,
					bytes,
				});
				const cells = [bytes, load.publishers, load.window, Math.round(messages / seconds)];
				console.log(
					row(
						broker.name,
						...cells,
						p50.toFixed(2),
						p99.toFixed(2),
						used.toFixed(1),
						busy.toFixed(2),
					),
				);
			}
		}
	} finally {
		broker.process.kill('SIGTERM');
		await once(broker.process, 'exit');
	}
}

try {
	console.log(
		row('', 'bytes', 'publishers', 'in flight', 'msg/s', 'p50 ms', 'p99 ms', 'cpu µs', 'load busy'),
	);
	await run(await startHub());
	const binary = process.env['BENCH_HUB_ONLY'] === undefined ? mosquittoBinary() : undefined;
	for (const persistence of binary === undefined ? [] : [false, true]) {
		await run(await startMosquitto(binary ?? '', persistence));
	}
} finally {
	await rm(folder, { recursive: true });
}
