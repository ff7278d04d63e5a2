import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { validate } from '../../src/cli/commands/validate.ts';
import type { Problem } from '../../src/manifest/problem.ts';
import type { JsonObject, JsonValue } from '../../src/runtime/json.ts';
import { RecordingTerminal } from '../support/recording-terminal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A placeholder, so that no literal looks like a forgotten template string. */
function placeholder(name: string): string {
	return `$${`{${name}}`}`;
}

function module(image: string, more: JsonObject = {}): JsonObject {
	const settings = { image, createOptions: '{}' };
	return { type: 'docker', status: 'running', restartPolicy: 'always', settings, ...more };
}

function manifest(modules: JsonObject, routes: JsonObject = {}, hub: JsonObject = {}): JsonObject {
	const agent = { type: 'docker', settings: { image: 'agent:1' } };
	return {
		modulesContent: {
			$edgeAgent: {
				'properties.desired': {
					schemaVersion: '1.1',
					runtime: { type: 'docker', settings: {} },
					systemModules: { edgeAgent: agent, edgeHub: module('hub:1') },
					modules,
				},
			},
			$edgeHub: {
				'properties.desired': {
					schemaVersion: '1.1',
					routes,
					storeAndForwardConfiguration: { timeToLiveSecs: 7200 },
					...hub,
				},
			},
		},
	};
}

async function validated(
	t: ExecutionContext,
	files: Readonly<Record<string, JsonValue>>,
	named: readonly string[] = Object.keys(files),
	options: Partial<Parameters<typeof validate>[1]> = {},
) {
	const folder = await temporaryFolder(t);
	for (const [name, content] of Object.entries(files)) {
		const path = join(folder, name);
		await mkdir(dirname(path), { recursive: true });
		await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
	}
	const terminal = new RecordingTerminal();
	const paths = named.map((name) => join(folder, name));
	const code = await validate(paths, { output: 'text', ...options }, terminal);
	return { code, text: terminal.output.replaceAll(`${folder}/`, '') };
}

async function problemsOf(
	t: ExecutionContext,
	files: Readonly<Record<string, JsonValue>>,
	options: Partial<Parameters<typeof validate>[1]> = {},
): Promise<Problem[]> {
	const first = Object.keys(files).slice(0, 1);
	const { text } = await validated(t, files, first, { ...options, output: 'json' });
	return JSON.parse(text).problems;
}

test('a manifest without faults is fine', async (t) => {
	const route = 'FROM /messages/modules/filter/outputs/* INTO $upstream';
	const { code, text } = await validated(t, {
		'a.json': manifest({ filter: module('filter:1') }, { all: route }),
	});
	t.is(code, 0);
	t.is(text, 'a.json: 0 errors, 0 warnings\n');
});

test('problems have a place, a remedy and a code, errors first', async (t) => {
	const modules = { filter: module('filter:1', { restartPolicy: 'on-failured', statu: 'x' }) };
	const { code, text } = await validated(t, { 'a.json': manifest(modules) });
	t.is(code, 2);
	const path = '$.modulesContent.$edgeAgent["properties.desired"].modules.filter';
	t.deepEqual(text.split('\n').slice(0, 4), [
		`error a.json ${path}.restartPolicy`,
		'  "on-failured" is none of "never", "on-failure", "on-unhealthy", "always". Did you mean "on-failure"? (EDGE_MANIFEST_FORM)',
		`warning a.json ${path}.statu`,
		'  "statu" is not a member that the runtime knows; it is ignored. Did you mean "status"? (EDGE_MANIFEST_MEMBER_UNKNOWN)',
	]);
});

test('members of the edge hub that have no effect are named', async (t) => {
	const hub = { mqttBroker: { authorizations: [] }, rouets: {}, $version: 3 };
	const found = await problemsOf(t, { 'a.json': manifest({ filter: module('a:1') }, {}, hub) });
	const path = '$.modulesContent.$edgeHub["properties.desired"]';
	t.deepEqual(
		found.map((problem) => [problem.severity, problem.path, problem.remedy]),
		[
			[
				'warning',
				`${path}.mqttBroker`,
				'Let modules send to outputs and inputs, connected by routes, and remove it.',
			],
			['warning', `${path}.rouets`, 'Did you mean "routes"?'],
		],
	);
});

test('what is wrong in many places is said once', async (t) => {
	const settings = { image: 'a:1', createOptions: '{"HostConfig":{"Privileged":true}}' };
	const modules = Array.from({ length: 14 }, (_, index) => [
		`m${index}`,
		module('a:1', { settings }),
	]);
	const { text } = await validated(t, { 'a.json': manifest(Object.fromEntries(modules)) });
	t.is(text.match(/Privileged modules are not allowed/g)?.length, 1);
	t.is(text.match(/^ {2}also /gm)?.length, 9);
	t.regex(text, /^ {2}and 4 more$/m);
});

test('the policy of the agent decides what is allowed', async (t) => {
	const settings = { image: 'a:1', createOptions: '{"HostConfig":{"NetworkMode":"host"}}' };
	const files = { 'a.json': manifest({ a: module('a:1', { settings }) }) };
	const denied = await problemsOf(t, files);
	t.deepEqual(
		denied.map(({ code }) => code),
		['EDGE_POLICY_DENIED'],
	);
	t.deepEqual(await problemsOf(t, files, { policy: { ALLOW_HOST_NETWORK: 'true' } }), []);
	const wrong = validated(t, files, ['a.json'], { policy: { ALLOW_HOST_NETWORK: 'maybe' } });
	await t.throwsAsync(wrong, { code: 'EDGE_SETTING_INVALID' });
});

test('routes are checked with positions, and against the modules that there are', async (t) => {
	const routes = {
		broken: 'FROM /messages/* WHERE temperature >> 20 INTO $upstream',
		slip: 'FROM /messages/modules/filtr/outputs/* INTO BrokeredEndpoint("/modules/sensr/inputs/a")',
		all: 'FROM /messages/modules/*/outputs/x INTO $upstream',
		blanks: "FROM /messages/* WHERE kind!='x' AND $correlationId = 'y' INTO $upstream",
	};
	const modules = { filter: module('a:1'), sensor: module('a:1') };
	const found = await problemsOf(t, { 'a.json': manifest(modules, routes) });
	const hub = '$.modulesContent.$edgeHub["properties.desired"].routes';
	t.deepEqual(
		found.map(({ severity, path, message, remedy = '' }) => [severity, path, message, remedy]),
		[
			[
				'error',
				`${hub}.broken`,
				'Error parsing route broken - line 1, column 37: Expected a value, a property or a function, not >.',
				'',
			],
			[
				'warning',
				`${hub}.slip`,
				'The route "slip" names the module "filtr", which the deployment does not have.',
				'Did you mean "filter"?',
			],
			[
				'warning',
				`${hub}.slip`,
				'The route "slip" names the module "sensr", which the deployment does not have.',
				'Did you mean "sensor"?',
			],
			[
				'warning',
				`${hub}.blanks`,
				`The route "blanks" may not mean what it says: kind! is the name of a property: blanks separate names from operators, as in p != 'x'.`,
				'Look at it with `iotedge-k8s route explain`.',
			],
			[
				'warning',
				`${hub}.blanks`,
				'The route "blanks" may not mean what it says: No message has the system property $correlationId; it is called $cid.',
				'Look at it with `iotedge-k8s route explain`.',
			],
		],
	);
});

test('a module that calls another at a port that is not exposed is told', async (t) => {
	const exposing = { image: 'a:1', createOptions: '{"ExposedPorts":{"80/tcp":{}}}' };
	const calls = (url: string) => ({ env: { URL: { value: url } } });
	const modules = {
		web: module('a:1', { settings: exposing }),
		fine: module('a:1', calls('http://Web:80/x http://other:81 http://edgehub:8883')),
		wrong: module('a:1', calls('see rtsp://web:554/a')),
	};
	const found = await problemsOf(t, { 'a.json': manifest(modules) });
	t.deepEqual(
		found.map(({ code, message }) => `${code} ${message}`),
		[
			'EDGE_PORT_NOT_OFFERED The module "wrong" calls "web" at port 554, which that one does not expose.',
		],
	);
});

test('layers are checked as what they add, their routes too', async (t) => {
	const layer = {
		content: {
			modulesContent: {
				$edgeAgent: { 'properties.desired.modules.filter': module('a:1', { statu: 1 }) },
				$edgeHub: { 'properties.desired.routes.bad': 'FROM messages INTO $upstream' },
			},
		},
	};
	const found = await problemsOf(t, { 'layer.json': layer });
	t.deepEqual(
		found.map(({ code }) => code),
		['EDGE_HUB_CONFIGURATION', 'EDGE_MANIFEST_MEMBER_UNKNOWN'],
	);
});

const moduleJson = {
	image: { repository: '$REGISTRY/filter', tag: { version: '0.2', platforms: {} } },
};

test('a template becomes a manifest with the images and variables beside it', async (t) => {
	const modules = {
		filter: module(placeholder('MODULES.filter'), {
			startupOrder: '@order@',
			env: { MODE: { value: '$MODE' } },
		}),
	};
	const text = JSON.stringify(manifest(modules)).replace('"@order@"', placeholder('ORDER'));
	const files = {
		'deployment.template.json': text,
		'modules/filter/module.json': moduleJson,
		'.env': 'REGISTRY=r.azurecr.io\nORDER=3\nMODE="fast"\n',
	};
	t.deepEqual(await problemsOf(t, files), []);
});

test('placeholders without a value are told once: modules as errors, variables as warnings', async (t) => {
	const variables = { env: { KEY: { value: '$STORAGE_KEY' } } };
	const modules = {
		filter: module(placeholder('MODULES.filter.arm64v8'), variables),
		other: module(`${placeholder('UNKNOWN_REGISTRY')}/other:1`),
	};
	const found = await problemsOf(t, { 'deployment.template.json': manifest(modules) });
	t.deepEqual(
		found.map(({ severity, code, message }) => `${severity} ${code} ${message}`),
		[
			'error EDGE_TEMPLATE_UNRESOLVED The placeholder "MODULES.filter.arm64v8" has no value.',
			'warning EDGE_TEMPLATE_UNRESOLVED The placeholder "STORAGE_KEY" has no value.',
			'error EDGE_TEMPLATE_UNRESOLVED The placeholder "UNKNOWN_REGISTRY" has no value.',
		],
	);
});

test('folders are searched, other files left out, and counted at the end', async (t) => {
	const fine = manifest({ filter: module('filter:1') });
	const warned = manifest({ filter: module('filter:1', { statu: 1 }) });
	const files = {
		'all/fine.json': fine,
		'all/deep/warned.json': warned,
		'all/broken.json': '{',
		'all/modules/filter/module.json': moduleJson,
		'all/node_modules/x/a.json': '{}',
		'all/.vscode/launch.json': '{}',
		'all/readme.md': '# no',
	};
	const { code, text } = await validated(t, files, ['all']);
	t.is(code, 2);
	t.is(text.trimEnd().split('\n').at(-1), '3 files: 1 fine, 1 with warnings, 1 with errors');
});

test('YAML is told from JSON, and never read', async (t) => {
	const bomb = [
		'a: &a [x]',
		...'bcdefghi'.split('').map((name, index) => {
			const before = 'abcdefgh'[index];
			return `${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]`;
		}),
	].join('\n');
	for (const text of ['---\nmodulesContent:\n  $edgeAgent: {}\n', bomb, '- a\n- b\n']) {
		const [problem] = await problemsOf(t, { 'a.yaml': text });
		t.is(problem?.message, 'This is YAML, not JSON.');
	}
	const [other] = await problemsOf(t, { 'a.json': '{"a": }' });
	t.regex(other?.message ?? '', /line 1, column 7/);
});

test('an EdgeDeployment is read in YAML and JSON, with places as it has them', async (t) => {
	const page = await readFile(resolve(import.meta.dirname, '../../docs/sources.md'), 'utf8');
	const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
	t.regex(example, /^kind: EdgeDeployment$/m);
	const beside = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n---\n';
	t.deepEqual(await problemsOf(t, { 'a.yaml': `${beside}${example}` }), []);
	const wrong = example.replace('schemaVersion: "1.1"', 'schemaVersion: "9.1"');
	const [problem] = await problemsOf(t, { 'a.yaml': wrong });
	t.is(problem?.path, '$.spec.modulesContent.$edgeAgent["properties.desired"].schemaVersion');
	const { modulesContent } = manifest({ a: module('a:1') });
	const object = { kind: 'EdgeDeployment', spec: { modulesContent } };
	t.deepEqual(await problemsOf(t, { 'a.json': object as JsonObject }), []);
});

const wrongYaml: readonly (readonly [string, string, RegExp])[] = [
	['two of them', 'kind: EdgeDeployment\n---\nkind: EdgeDeployment\n', /There are 2 objects/],
	['broken YAML', 'kind: EdgeDeployment\nspec: {\n', /This is no YAML/],
	[
		'aliases without end',
		`a: &a [x]\nb: &b [${Array(99).fill('*a')}]\nc: [${Array(99).fill('*b')}]\nkind: EdgeDeployment\n`,
		/alias/i,
	],
	['no content', 'kind: EdgeDeployment\nspec: {}\n', /modulesContent/],
];

for (const [what, text, says] of wrongYaml) {
	test(`an EdgeDeployment in YAML with ${what} is refused`, async (t) => {
		const [problem] = await problemsOf(t, { 'a.yaml': text });
		t.regex(problem?.message ?? '', says);
	});
}

test('names cannot write to the terminal what they like', async (t) => {
	const { text } = await validated(t, {
		'a.json': manifest({ 'a\u001b[2J\r\nerror: all is well': module('a:1') }),
	});
	t.false(text.includes('\u001b'));
	t.false(text.split('\n').some((line) => line.startsWith('error: all')));
});

test('a file that does not exist is said to be unreadable', async (t) => {
	await t.throwsAsync(validated(t, {}, ['none.json']), { code: 'EDGE_FILE_UNREADABLE' });
});

test('takes images that come through a parent, whose name may be said', async (t) => {
	const files = { 'nested.json': manifest({ a: module('$upstream:443/a:1') }) };
	const assumed = await validated(t, files);
	t.is(assumed.code, 0);
	t.regex(
		assumed.text,
		/called "parent-device" here. Name it with --parent. \(EDGE_PARENT_UNKNOWN\)/,
	);
	t.regex((await validated(t, files, undefined, { parent: 'gw' })).text, /0 errors, 0 warnings/);
});

test('says that a folder has no manifests, and takes no folder for one', async (t) => {
	const files = { 'some/empty.json/readme.txt': 'x' };
	const error = await t.throwsAsync(validated(t, files, ['some']));
	t.regex(`${error}`, /EDGE_FILE_UNREADABLE .*some: There is no JSON file in it/);
});
