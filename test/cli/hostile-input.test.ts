import { execFile } from 'node:child_process';
import { truncate, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parseKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { desiredProperties } from '../support/edge-deployment.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const program = resolve(import.meta.dirname, '../../src/cli/main.ts');
/** Generous for a busy machine; what is not bounded takes minutes, or all memory. */
const limits = { timeout: 60_000, maxBuffer: 16 * 1024 * 1024 };
const heap = '--max-old-space-size=200';

interface Ended {
	readonly code: unknown;
	readonly output: string;
	readonly notes: string;
}

function run(...args: string[]): Promise<Ended> {
	const { promise, resolve: end } = Promise.withResolvers<Ended>();
	execFile(process.execPath, [heap, program, ...args], limits, (error, output, notes) => {
		end({ code: error?.code ?? (error === null ? 0 : error.signal), output, notes });
	});
	return promise;
}

const long = 'n'.repeat(10_000);
const polluted = '{"__proto__":{"Privileged":true,"priority":9,"polluted":1}}';

function manifest(createOptions: string, more: object = {}): string {
	const desired = desiredProperties({ modules: { a: {} } });
	const settings = { image: 'i:1', createOptions };
	const modules = { a: { type: 'docker', settings }, ...more };
	const $edgeAgent = { 'properties.desired': { ...desired, modules } };
	return JSON.stringify({ modulesContent: { $edgeAgent } });
}

function membersCalled(name: string, count: number): object {
	return Object.fromEntries(Array.from({ length: count }, (_, index) => [`${name}${index}`, 1]));
}

function bindings(count: number): object {
	return Object.fromEntries(
		Array.from({ length: count }, (_, index) => {
			return [`${index + 1}/tcp`, [{ HostPort: String(index + 1) }]];
		}),
	);
}

async function hostileFiles(t: ExecutionContext): Promise<string> {
	const folder = await temporaryFolder(t);
	const nested = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`;
	const options = {
		[long]: 1,
		HostConfig: { [long]: 1, Binds: [`${long}:/${long}`] },
		Env: [long],
	};
	const files: Record<string, string> = {
		'deep.json': nested,
		'deep-options.json': manifest(nested),
		'names.json': manifest(JSON.stringify(options), {
			[long]: { type: 'docker', settings: { image: 'i' }, [long]: 1 },
		}),
		'proto.json': manifest(polluted).replace('"modules":{', `"modules":{"__proto__":${polluted},`),
		'options.json': manifest(JSON.stringify({ HostConfig: membersCalled('MemoryLimit', 30_000) })),
		'bindings.json': manifest(JSON.stringify({ HostConfig: { PortBindings: bindings(30_000) } })),
		'dotted.json': JSON.stringify({
			modulesContent: {
				$edgeAgent: {
					...membersCalled('properties.desired.modules.a', 30_000),
					[`properties.desired${'.a'.repeat(100_000)}`]: 1,
				},
			},
		}),
		'quotes.template.json': '"\\"'.repeat(300_000),
		'placeholders.template.json': JSON.stringify([`$${'{MODULES.a}'}`.repeat(50_000)]),
	};
	for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
	await writeFile(join(folder, 'huge.json'), '[');
	await truncate(join(folder, 'huge.json'), 50 * 1024 * 1024);
	return folder;
}

test('hostile manifests end with an error in bounded time and memory', async (t) => {
	const folder = await hostileFiles(t);
	const { code, output, notes } = await run('validate', folder);
	t.is(code, 2, notes);
	t.is(notes, '');
	const said: [string, RegExp][] = [
		['huge.json', /The file has more than 12 MiB/],
		['deep.json', /The document nests deeper than 100 levels/],
		['deep-options.json', /createOptions cannot be read: The document nests deeper/],
		['names.json', /A module name has 10000 characters/],
		['options.json', /0 errors, 30000 warnings/],
		['dotted.json', /A dotted member leads deeper than 100 levels/],
		['quotes.template.json', /EDGE_MANIFEST_SYNTAX/],
		['placeholders.template.json', /The placeholder "MODULES.a" has no value/],
	];
	const blocks = output.split(/(?<=^\/\S+: \d+ errors?, \d+ warnings?\n)/m);
	for (const [name, expected] of said) {
		const block = blocks.find((text) => text.includes(join(folder, name))) ?? '';
		t.regex(block, expected, name);
	}
	t.true(output.length < 200_000, `${output.length} characters`);
});

test('members called __proto__ give nobody any rights, and come out as they went in', async (t) => {
	const folder = await temporaryFolder(t);
	const base = join(folder, 'base.json');
	const layer = join(folder, 'layer.json');
	await writeFile(base, manifest(polluted));
	await writeFile(
		layer,
		'{"modulesContent":{"__proto__":{"properties.desired":{"x":1}},' +
			'"$edgeAgent":{"properties.desired.modules.__proto__.polluted":true}}}',
	);
	const translated = await run('translate', base, '-o', 'json');
	t.is(translated.code, 0, translated.notes);
	t.false(/"privileged"|polluted|"priority"/.test(translated.output));
	const merged = await run('merge', base, layer);
	const { modulesContent } = JSON.parse(merged.output);
	t.deepEqual(Object.keys(modulesContent), ['$edgeAgent', '__proto__']);
	const { modules } = modulesContent.$edgeAgent['properties.desired'];
	t.deepEqual(Object.keys(modules), ['a', '__proto__']);
});

test('a kubeconfig of aliases upon aliases is refused before it grows', async (t) => {
	const lines = ['a: &a [x, x, x, x, x, x, x, x, x]'];
	for (const [index, name] of [...'bcdefghijkl'].entries()) {
		const before = 'abcdefghijk'[index];
		lines.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]`);
	}
	await t.throwsAsync(parseKubeconfig({ path: 'bomb', text: lines.join('\n') }), {
		code: 'EDGE_KUBECONFIG_INVALID',
		message: /alias/i,
	});
});
