import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const source = resolve(import.meta.dirname, '../../src');

/** What a program of Node.js has loaded when it is ready to start. */
interface Loaded {
	/** Parts of Node.js. */
	readonly builtin: readonly string[];
	/** Names of packages. */
	readonly packages: readonly string[];
}

/** With the client of IoT Hub, which is loaded when it connects first. */
async function loadedBy(file: string): Promise<Loaded> {
	const program = `
		await import(${JSON.stringify(file)});
		const { loadSdkModules } = await import(${JSON.stringify(join(source, 'iot-hub-client/sdk-modules.ts'))});
		loadSdkModules();
		const { createRequire } = await import('node:module');
		const packages = Object.keys(createRequire(${JSON.stringify(source)}).cache)
			.map((path) => /.*node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(path)?.[1]);
		console.log(JSON.stringify({ builtin: process.moduleLoadList, packages: [...new Set(packages)] }));
	`;
	const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program]);
	return JSON.parse(stdout);
}

for (const role of ['agent', 'hub']) {
	test(`the ${role} starts without what it does not need in a pod`, async (t) => {
		const { builtin, packages } = await loadedBy(join(source, 'cli/commands', `${role}.ts`));
		t.true(packages.includes('mqtt') && packages.includes('azure-iot-device-mqtt'));
		// The HTTP client of browsers, which an import of `node:http` brings.
		t.deepEqual(
			builtin.filter((name) => name.includes('undici')),
			[],
		);
		t.deepEqual(
			packages.filter((name) => /^(yaml|fastify|es-abstract|@kubernetes|typescript)/.test(name)),
			[],
		);
	});
}
