import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { parse, parseAllDocuments } from 'yaml';
import { translateCommand } from '../../src/cli/commands/translate.ts';
import { objectYaml } from '../../src/cli/object-yaml.ts';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { desiredProperties } from '../support/edge-deployment.ts';
import { RecordingTerminal } from '../support/recording-terminal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const options = { namespace: 'edge', device: 'd', hub: 'h', output: 'yaml' } as const;

/** A module that is allowed with a warning, one that is forbidden, one that is neither. */
const manifest = {
	$edgeAgent: {
		'properties.desired': desiredProperties({
			modules: {
				plain: {},
				warned: { createOptions: { HostConfig: { Privileged: false, OomScoreAdj: 5 } } },
				forbidden: { createOptions: { HostConfig: { Privileged: true } } },
			},
		}),
	},
};

async function written(t: ExecutionContext, files: Readonly<Record<string, JsonObject>>) {
	const folder = await temporaryFolder(t);
	for (const [name, content] of Object.entries(files)) {
		await writeFile(join(folder, name), JSON.stringify(content));
	}
	return folder;
}

test('objects come with warnings before those of the module that they concern', async (t) => {
	const folder = await written(t, { 'a.json': { modulesContent: manifest } });
	const terminal = new RecordingTerminal();
	t.is(await translateCommand(join(folder, 'a.json'), options, terminal), 2);
	t.regex(terminal.notes, /Privileged modules are not allowed/);
	const documents = terminal.output.split('---\n');
	const [general = ''] = documents;
	t.regex(general, /^# error: forbidden: .* The module is left out\.\n# {3}at \$\.modulesContent/);
	const commented = documents.filter((text) => text.startsWith('# warning: warned: '));
	t.is(commented.length, 1);
	t.regex(
		commented[0] ?? '',
		/OomScoreAdj[\s\S]*\nkind: ServiceAccount\nmetadata:\n {2}name: warned\n/,
	);
	const names = parseAllDocuments(terminal.output)
		.map((document) => document.toJS() as KubernetesObject)
		.filter(({ kind }) => kind === 'Deployment')
		.map(({ metadata }) => metadata.name);
	t.deepEqual(names, ['edgehub', 'plain', 'warned']);
});

test('JSON is one List', async (t) => {
	const folder = await written(t, { 'a.json': { modulesContent: manifest } });
	const terminal = new RecordingTerminal();
	await translateCommand(join(folder, 'a.json'), { ...options, output: 'json' }, terminal);
	const list = JSON.parse(terminal.output);
	t.is(list.kind, 'List');
	t.true(list.items.every(({ metadata }: KubernetesObject) => metadata.namespace === 'edge'));
});

test('a folder becomes a folder of files named after the manifests', async (t) => {
	const folder = await written(t, { 'a.json': { modulesContent: manifest }, 'b.json': {} });
	const out = join(folder, 'objects');
	const terminal = new RecordingTerminal();
	t.is(await translateCommand(folder, { ...options, out }, terminal), 2);
	t.is(terminal.output, '');
	t.regex(terminal.notes, /2 files written to .*, 2 with errors\.\n$/);
	t.regex(await readFile(join(out, 'a.yaml'), 'utf8'), /^kind: Deployment$/m);
	t.regex(await readFile(join(out, 'b.yaml'), 'utf8'), /^# error: .*modulesContent/);
	const withoutOut = translateCommand(folder, options, new RecordingTerminal());
	await t.throwsAsync(withoutOut, { code: 'EDGE_OPTION_MISSING' });
});

function roundTrip(value: string, version: '1.1' | '1.2'): unknown {
	const object = { apiVersion: 'v1', kind: 'X', metadata: { name: 'x' }, data: { value } };
	return parse(objectYaml(object), { version }).data.value;
}

test('strings that are something else in some YAML are quoted', (t) => {
	const words = [
		'on',
		'yes',
		'n',
		'1_000',
		'1:30',
		'0o14',
		'012',
		'=',
		'<<',
		'---',
		'~',
		'2001-01-01',
	];
	const controls = ['\u0085x', '\u2028x', '\ufeffx', 'a\rb', '\u007f', '', ' ', '\t'];
	for (const text of [...words, ...controls]) {
		for (const version of ['1.1', '1.2'] as const) t.is(roundTrip(text, version), text);
	}
	const object = { apiVersion: 'v1', kind: 'X', metadata: { name: 'x' }, data: { a: '0o14' } };
	t.regex(objectYaml(object), /a: "0o14"/);
	const keyed = { ...object, data: { '<<': '1', '\u2028': '2' } };
	t.deepEqual(parse(objectYaml(keyed), { version: '1.1' }).data, keyed.data);
	t.is(roundTrip('\ud800', '1.2'), '\ufffd');
});

test('any string survives YAML, and no comment ends before its line', (t) => {
	fc.assert(
		fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (text, comment) => {
			const object = { apiVersion: 'v1', kind: 'X', metadata: { name: 'x' }, data: { text } };
			for (const version of ['1.1', '1.2'] as const) {
				const read = parse(objectYaml(object, [comment]), { version });
				t.deepEqual(read, object);
			}
		}),
		{ numRuns: 200 },
	);
});
