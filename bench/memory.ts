import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatTable } from '../src/cli/table.ts';

const project = resolve(import.meta.dirname, '..');
const modules = 10;
/** Memory is given back when there was nothing to do for so long. */
const idleMs = 90_000;

/** Bytes of a process in memory, as Linux tells. */
interface Resident {
	/** Everything that it has, whoever has it too: RSS. */
	readonly all: number;
	/** With its part of what it shares; in this run with the modules and `dev`, on a device with fewer: PSS. */
	readonly part: number;
	/** What nobody else has. */
	readonly own: number;
	/** Pages of files, nearly all of them of Node.js, which the agent and the edge hub share. */
	readonly files: number;
}

/**
 * What the agent and the edge hub take, built as for the image and started with its variables, of an
 * edge with ten modules that say one word and fall silent; IoT Hub and the cluster are emulated.
 */
export async function measureMemory(folder: string, print: (line: string) => void): Promise<void> {
	execFileSync('npm', ['run', '-s', 'build'], { cwd: project });
	const manifest = join(folder, 'ten-modules.json');
	writeFileSync(manifest, JSON.stringify(tenModules()));
	const line = ['dist/cli/main.js', 'dev', manifest, '--state', join(folder, 'edge')];
	const edge = spawn(process.execPath, [...line, '--output', 'json'], {
		cwd: project,
		stdio: ['ignore', 'pipe', 'ignore'],
	});
	try {
		await allHaveSpoken(edge.stdout);
		edge.stdout.resume();
		await sleep(idleMs);
		const agent = residentOf(edge.pid ?? 0, 'agent');
		const hub = residentOf(edge.pid ?? 0, 'hub');
		for (const text of memoryTable(agent, hub)) print(text);
	} finally {
		edge.kill('SIGINT');
		await once(edge, 'exit');
	}
}

function memoryTable(agent: Resident, hub: Resident): string[] {
	const sum: Resident = {
		all: agent.all + hub.all,
		part: agent.part + hub.part,
		own: agent.own + hub.own,
		files: agent.files + hub.files,
	};
	const files = Math.max(agent.files, hub.files);
	const once: Resident = { all: sum.own + files, part: sum.part, own: sum.own, files };
	const processes = { agent, hub, 'sum of both': sum, 'both, what they share counted once': once };
	const rows = Object.entries(processes).map(([name, { all, part, own, files: shared }]) => [
		name,
		...[all, part, own, shared].map((bytes) => (bytes / 1e6).toFixed(0)),
	]);
	return formatTable(['process', 'RSS MB', 'PSS MB', 'of its own', 'of files'], rows);
}

async function allHaveSpoken(output: NodeJS.ReadableStream): Promise<void> {
	const silent = new Set(Array.from({ length: modules }, (_, index) => `m${index}`));
	for await (const line of createInterface(output)) {
		const event = JSON.parse(line);
		if (event.event === 'telemetry') silent.delete(event.moduleId);
		if (silent.size === 0) return;
	}
	throw new Error('The edge has ended.');
}

function residentOf(parent: number, role: string): Resident {
	const text = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(parent)], {
		encoding: 'utf8',
	});
	const line = text.split('\n').find((each) => each.endsWith(`main.js ${role}`));
	if (line === undefined) throw new Error(`There is no process of the ${role}.`);
	const folder = `/proc/${Number.parseInt(line, 10)}`;
	const told =
		readFileSync(`${folder}/status`, 'utf8') + readFileSync(`${folder}/smaps_rollup`, 'utf8');
	const bytes = (name: string) =>
		Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(told)?.[1]) * 1024;
	return {
		all: bytes('VmRSS'),
		part: bytes('Pss'),
		own: bytes('RssAnon'),
		files: bytes('RssFile'),
	};
}

function tenModules() {
	const names = Array.from({ length: modules }, (_, index) => `m${index}`);
	const module = {
		...{ type: 'docker', version: '1.0', status: 'running', restartPolicy: 'always' },
		settings: { image: 'simulated-temperature-sensor:1', createOptions: '{}' },
		env: { MessageCount: { value: '1' } },
	};
	const system = (image: string) => ({ type: 'docker', settings: { image, createOptions: '{}' } });
	return {
		modulesContent: {
			$edgeAgent: {
				'properties.desired': {
					schemaVersion: '1.1',
					runtime: { type: 'docker', settings: { minDockerVersion: 'v1.25' } },
					systemModules: {
						edgeAgent: system('agent:1'),
						edgeHub: { ...system('hub:1'), status: 'running', restartPolicy: 'always' },
					},
					modules: Object.fromEntries(names.map((name) => [name, module])),
				},
			},
			$edgeHub: {
				'properties.desired': {
					schemaVersion: '1.1',
					routes: { all: 'FROM /messages/* INTO $upstream' },
					storeAndForwardConfiguration: { timeToLiveSecs: 7200 },
				},
			},
		},
	};
}
