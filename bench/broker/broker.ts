import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import { freePort } from '../../test/support/free-port.ts';

/** A broker in a process of its own that serves MQTT over TLS on this machine. */
export interface Broker {
	readonly name: string;
	readonly process: ChildProcess;
	readonly port: number;
	/** PEM. */
	readonly authority: string;
}

/** A broker that can be started; absent from the list where it is not installed. */
export interface KnownBroker {
	readonly name: string;
	start(folder: string): Promise<Broker>;
}

/** How mosquitto keeps messages: it never waits for the disk before it acknowledges. */
const mosquittoForms: Readonly<Record<string, readonly string[]>> = {
	'in memory': ['persistence false'],
	'saved each second': ['persistence true', 'autosave_interval 1'],
	'saved on changes': ['persistence true', 'autosave_on_changes true', 'autosave_interval 1'],
};

/** The edge hub first, then what it is compared with. */
export function knownBrokers(): readonly KnownBroker[] {
	const mosquitto = mosquittoBinary();
	const hub = { name: 'edge hub', start: startHub };
	const aedes = { name: 'aedes, in memory', start: startAedes };
	if (mosquitto === undefined) return [hub, aedes];
	const forms = Object.entries(mosquittoForms).map(([form, lines]) => {
		const name = `mosquitto, ${form}`;
		return { name, start: (folder: string) => startMosquitto(name, mosquitto, lines, folder) };
	});
	return [hub, ...forms, aedes];
}

/** Starts the edge hub with its storage in the folder. `BENCH_HUB_OPTIONS` are options of Node.js. */
export async function startHub(folder: string): Promise<Broker> {
	const options = (process.env['BENCH_HUB_OPTIONS'] ?? '').split(' ').filter(Boolean);
	return startNode('edge hub', 'hub-process.ts', [join(folder, 'hub')], options);
}

export async function stopBroker(broker: Broker): Promise<void> {
	if (broker.process.exitCode !== null) return;
	broker.process.kill('SIGTERM');
	await once(broker.process, 'exit');
}

/** Microseconds that a process has used, as Linux tells, in steps of 10 ms; NaN elsewhere. */
export function processorTime({ process: { pid } }: Broker): number {
	try {
		const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
		return (Number(fields[11]) + Number(fields[12])) * 10_000;
	} catch {
		return Number.NaN;
	}
}

async function startAedes(): Promise<Broker> {
	return startNode('aedes, in memory', 'aedes-process.ts', [], []);
}

async function startNode(
	name: string,
	program: string,
	values: readonly string[],
	options: readonly string[],
): Promise<Broker> {
	const line = [...options, join(import.meta.dirname, program), ...values];
	const child = spawn(process.execPath, line, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
	return { name, process: child, ...JSON.parse(await firstLine(child)) };
}

async function startMosquitto(
	name: string,
	binary: string,
	persistence: readonly string[],
	folder: string,
): Promise<Broker> {
	const home = join(folder, name.replaceAll(/\W+/g, '-'));
	mkdirSync(home, { recursive: true });
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
		`persistence_location ${home}/`,
		...persistence,
	];
	writeFileSync(join(home, 'mosquitto.conf'), `${lines.join('\n')}\n`);
	const child = spawn(binary, ['-c', join(home, 'mosquitto.conf')], { stdio: 'ignore' });
	await sleep(500);
	if (child.exitCode !== null) throw new Error('mosquitto did not start.');
	return { name, process: child, port, authority: authority.certificate };
}

async function firstLine(child: ChildProcess): Promise<string> {
	if (child.stdout === null) throw new Error('The process has no output.');
	for await (const line of createInterface(child.stdout)) return line;
	throw new Error('The process ended without a line.');
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
