import test from 'ava';
import type { ModuleDeployment } from '../../src/manifest/deployment.ts';
import { parseDeployment } from '../../src/manifest/deployment-parser.ts';
import type { DeploymentStatusCode } from '../../src/manifest/problem.ts';
import type { JsonObject, JsonValue } from '../../src/runtime/json.ts';

function deploymentOf(module: JsonObject, name = 'filter'): JsonObject {
	return { schemaVersion: '1.1', modules: { [name]: module } };
}

function moduleOf(module: JsonObject): ModuleDeployment | undefined {
	const settings = { image: 'filter:1.0' };
	const { deployment } = parseDeployment(deploymentOf({ type: 'docker', settings, ...module }));
	return deployment?.modules[0];
}

function problemsOf(module: JsonObject): { status: number; codes: string[]; remedies: string[] } {
	const settings = { image: 'filter:1.0' };
	const parsed = parseDeployment(deploymentOf({ type: 'docker', settings, ...module }));
	return {
		status: parsed.statusCode,
		codes: parsed.problems.map(({ code }) => code),
		remedies: parsed.problems.map(({ remedy = '' }) => remedy),
	};
}

test('fills in what a module leaves out', (t) => {
	t.deepEqual(moduleOf({}), {
		name: 'filter',
		system: false,
		version: '',
		status: 'running',
		restartPolicy: 'on-unhealthy',
		imagePullPolicy: 'on-create',
		startupOrder: 4294967295,
		image: 'filter:1.0',
		createOptions: {},
		env: new Map(),
		path: '$.modules.filter',
	});
});

test('objects where scalars belong are problems, even those that cannot become text', (t) => {
	const odd = { toString: 1, valueOf: null };
	const module = { version: odd, startupOrder: odd, settings: { image: odd, createOptions: odd } };
	const { problems } = parseDeployment({ schemaVersion: odd, modules: { a: module } } as never);
	const paths = problems.map(({ path }) => path);
	for (const path of [
		'$.schemaVersion',
		'$.modules.a.startupOrder',
		'$.modules.a.settings.image',
	]) {
		t.true(paths.includes(path), path);
	}
});

test('puts the system modules first, always restarted', (t) => {
	const module = { type: 'docker', settings: { image: 'a' } };
	const { deployment } = parseDeployment({
		schemaVersion: '1.0',
		modules: { b: module, a: module },
		systemModules: { edgeHub: module, edgeAgent: module },
	});
	t.deepEqual(
		deployment?.modules.map(({ name, system, restartPolicy, startupOrder }) => {
			return [name, system, restartPolicy, startupOrder];
		}),
		[
			['edgeAgent', true, 'always', 0],
			['edgeHub', true, 'always', 4294967295],
			['b', false, 'on-unhealthy', 4294967295],
			['a', false, 'on-unhealthy', 4294967295],
		],
	);
});

test('takes nulls as absent, numbers as strings and the other way round, and any case', (t) => {
	const module = moduleOf({
		Version: 2,
		STATUS: 'Stopped',
		restartpolicy: 'Never',
		imagePullPolicy: null,
		startupOrder: '7',
	});
	t.like(module, {
		version: '2',
		status: 'stopped',
		restartPolicy: 'never',
		imagePullPolicy: 'on-create',
		startupOrder: 7,
	});
});

test('mends what cannot be written as UTF-8, so that the cluster has what is wanted', (t) => {
	const half = String.fromCharCode(0xd800);
	const module = moduleOf({
		env: { A: { value: half }, [`B${half}`]: { value: 'x\\ud800' } },
		settings: { image: 'a', createOptions: '{"Cmd":["\\ud800"]}' },
	});
	t.deepEqual(module?.createOptions, { Cmd: ['\ufffd'] });
	t.deepEqual(
		[...(module?.env ?? [])],
		[
			['A', '\ufffd'],
			['B\ufffd', 'x\\ud800'],
		],
	);
});

test('pins an image to its digest, and refuses one that does not fit', (t) => {
	const digest = `sha256:${'0f'.repeat(32)}`;
	const imageOf = (settings: JsonObject) => moduleOf({ settings })?.image;
	t.is(imageOf({ image: 'filter:1.0', digest }), `filter:1.0@${digest}`);
	t.is(imageOf({ image: ' r:5000/filter ', Digest: digest }), `r:5000/filter@${digest}`);
	t.is(imageOf({ image: `filter@${digest}`, digest }), `filter@${digest}`);
	t.is(imageOf({ image: 'filter:1.0', digest: '' }), 'filter:1.0');
	for (const settings of [
		{ image: 'filter:1.0', digest: 'latest' },
		{ image: `filter@sha256:${'0e'.repeat(32)}`, digest },
	]) {
		const { problems } = parseDeployment({
			schemaVersion: '1.1',
			modules: { filter: { type: 'docker', settings } },
		});
		t.deepEqual(
			problems.map(({ code, path }) => `${code} ${path}`),
			['EDGE_IMAGE_INVALID $.modules.filter.settings.digest'],
		);
	}
});

test('reads variables of every form', (t) => {
	const env = {
		a: { value: 'x' },
		b: { value: 1 },
		c: { value: true },
		d: { Value: null },
		e: 'bare',
	};
	t.deepEqual(
		[...(moduleOf({ env })?.env ?? [])],
		[
			['a', 'x'],
			['b', '1'],
			['c', 'true'],
			['d', ''],
			['e', 'bare'],
		],
	);
});

const createOptions: [string, JsonObject, JsonValue][] = [
	['an object', { createOptions: { Cmd: ['a'] } }, { Cmd: ['a'] }],
	['a text', { createOptions: '{"Cmd":["a"]}' }, { Cmd: ['a'] }],
	['nothing', {}, {}],
	['null', { createOptions: null }, {}],
	['"null"', { createOptions: 'null' }, {}],
	['blanks', { createOptions: '  ' }, {}],
	[
		'chunks',
		{ createOptions: '{"Cmd":', createOptions01: '["a"', createOptions02: ']}' },
		{ Cmd: ['a'] },
	],
	[
		'chunks of any order and case',
		{ createoptions01: '["a"]}', CreateOptions: '{"Cmd":' },
		{ Cmd: ['a'] },
	],
];
const looseTexts: [string, string, RegExp][] = [
	['single quotes', "{'Cmd':['a']}", /Invalid symbol at line 1, column 2/],
	['names without quotes', '{Cmd: ["a"]}', /Invalid symbol at line 1, column 2/],
	['comments', '{"Cmd":["a"] /* b */}', /Comment or trailing comma/],
	['trailing commas', '{"Cmd":["a",],}', /Comment or trailing comma/],
];
for (const [form, text, reason] of looseTexts) {
	test(`reads createOptions with ${form} as Azure IoT Edge does, and warns`, (t) => {
		const settings = { image: 'a', createOptions: text };
		const { deployment, problems } = parseDeployment(deploymentOf({ type: 'docker', settings }));
		t.deepEqual(deployment?.modules[0]?.createOptions, { Cmd: ['a'] });
		t.deepEqual(
			problems.map(({ severity, code, module }) => [severity, code, module]),
			[['warning', 'EDGE_CREATE_OPTIONS_LOOSE', 'filter']],
		);
		t.regex(problems[0]?.message ?? '', reason);
	});
}

test('names what occurs twice in the text of createOptions', (t) => {
	const createOptions = '{"Cmd":["a"],"HostConfig":{"Binds":[],"Binds":["b:/c"]}}';
	const settings = { image: 'a', createOptions };
	const { problems } = parseDeployment(deploymentOf({ type: 'docker', settings }));
	t.deepEqual(
		problems.map(({ code, path }) => [code, path]),
		[['EDGE_MANIFEST_MEMBER_REPEATED', '$.modules.filter.settings.createOptions.HostConfig.Binds']],
	);
});

for (const [form, settings, expected] of createOptions) {
	test(`reads createOptions from ${form}`, (t) => {
		t.deepEqual(moduleOf({ settings: { image: 'a', ...settings } })?.createOptions, expected);
	});
}

const faultyOptions: [string, JsonObject][] = [
	['a gap between chunks', { createOptions: '{', createOptions02: '}' }],
	['chunks without the first', { createOptions01: '{}' }],
	['a chunk 00', { createOptions00: '{', createOptions01: '}' }],
	['a list', { createOptions: [] }],
	['text that is no JSON', { createOptions: '{"Cmd"' }],
	['text of a list', { createOptions: '[]' }],
];
for (const [fault, settings] of faultyOptions) {
	test(`refuses createOptions with ${fault}`, (t) => {
		const { status, codes } = problemsOf({ settings: { image: 'a', ...settings } });
		t.is(status, 400);
		t.deepEqual(codes, ['EDGE_CREATE_OPTIONS_INVALID']);
	});
}

const versions: [JsonValue | undefined, DeploymentStatusCode][] = [
	['1.0', 200],
	['1.1', 200],
	['1.1.0', 200],
	['1', 412],
	['1.2', 412],
	['2.0', 412],
	['0.1', 412],
	[1.1, 412],
	[undefined, 412],
];
for (const [schemaVersion, status] of versions) {
	test(`answers schema version ${JSON.stringify(schemaVersion)} with ${status}`, (t) => {
		t.is(parseDeployment({ ...deploymentOf({}), schemaVersion, modules: {} }).statusCode, status);
	});
}

test('answers an empty configuration with 417', (t) => {
	t.is(parseDeployment({}).statusCode, 417);
	t.is(parseDeployment({ $version: 3, $metadata: {}, modules: null }).statusCode, 417);
});

const faults: [string, JsonObject, string, string][] = [
	['a wrong word', { restartPolicy: 'on-failed' }, 'EDGE_MANIFEST_FORM', 'on-failure'],
	['another type', { type: 'vm' }, 'EDGE_MANIFEST_FORM', '"docker"'],
	['no image', { settings: {} }, 'EDGE_MANIFEST_FORM', ''],
	['two tags', { settings: { image: 'a:1:2' } }, 'EDGE_IMAGE_INVALID', ''],
	['a blank image', { settings: { image: ' ' } }, 'EDGE_IMAGE_INVALID', ''],
	['a negative order', { startupOrder: -1 }, 'EDGE_MANIFEST_FORM', ''],
	['a variable that is a list', { env: { a: { value: [] } } }, 'EDGE_MANIFEST_FORM', ''],
];
for (const [fault, module, code, remedy] of faults) {
	test(`refuses the deployment for a module with ${fault}`, (t) => {
		const { status, codes, remedies } = problemsOf(module);
		t.is(status, 400);
		t.deepEqual(codes, [code]);
		t.true(remedies[0]?.includes(remedy));
	});
}

test('reports every problem at once, each with its path', (t) => {
	const module = { type: 'docker', settings: { image: 'a' } };
	const { deployment, problems } = parseDeployment(
		{
			schemaVersion: '1.1',
			modules: {
				a: { ...module, status: 'runing', startupOrder: 'x' },
				'b.c': { type: 'docker', settings: {} },
			},
		},
		{ path: '$.desired' },
	);
	t.is(deployment, undefined);
	t.deepEqual(problems.map(({ path }) => path).sort(), [
		'$.desired.modules.a.startupOrder',
		'$.desired.modules.a.status',
		'$.desired.modules["b.c"].settings.image',
	]);
});

test('warns of unknown members, and suggests what was meant', (t) => {
	const { status, codes, remedies } = problemsOf({
		versoin: '1',
		settings: { image: 'a', env: {} },
	});
	t.is(status, 200);
	t.deepEqual(codes, ['EDGE_MANIFEST_MEMBER_UNKNOWN', 'EDGE_MANIFEST_MEMBER_UNKNOWN']);
	t.true(remedies.includes('Did you mean "version"?'));
});

for (const name of [
	'edgeHub',
	'EDGEAGENT',
	'$edgeHub',
	'a b',
	['$', '{NAME}'].join(''),
	'',
	'x'.repeat(10_000),
]) {
	test(`refuses a module called ${JSON.stringify(name.slice(0, 20))} (${name.length})`, (t) => {
		const settings = { image: 'a' };
		const parsed = parseDeployment(deploymentOf({ type: 'docker', settings }, name));
		t.is(parsed.statusCode, 400);
		t.is(parsed.problems[0]?.code, 'EDGE_MODULE_NAME_INVALID');
	});
}

test('leaves out a registry credential that is incomplete', (t) => {
	const registryCredentials = {
		good: { address: 'a.azurecr.io', username: 12345, password: 'p' },
		bad: { address: '', username: 'u', password: 'p' },
	};
	const { deployment, problems } = parseDeployment({
		...deploymentOf({ type: 'docker', settings: { image: 'a' } }),
		runtime: { type: 'docker', settings: { registryCredentials } },
	});
	t.deepEqual(
		[...(deployment?.registryCredentials ?? [])],
		[['good', { address: 'a.azurecr.io', username: '12345', password: 'p' }]],
	);
	t.deepEqual(
		problems.map(({ path }) => path),
		['$.runtime.settings.registryCredentials.bad'],
	);
});

test('a module called __proto__ is a module like others', (t) => {
	const desired = JSON.parse(
		'{"schemaVersion":"1.1","modules":{"__proto__":{"type":"docker","settings":{"image":"a"}}}}',
	) as JsonObject;
	t.deepEqual(
		parseDeployment(desired).deployment?.modules.map(({ name }) => name),
		['__proto__'],
	);
	t.is(({} as Record<string, unknown>)['type'], undefined);
});

test('a layer needs no schema version of its own', (t) => {
	const desired = { modules: { filter: { type: 'docker', settings: { image: 'a' } } } };
	t.is(parseDeployment(desired, { layered: true }).statusCode, 200);
	t.is(parseDeployment(desired).statusCode, 412);
});

test('does not change what it reads', (t) => {
	const desired = deploymentOf({
		type: 'Docker',
		version: 1,
		settings: { image: 'a' },
		startupOrder: '3',
	});
	const before = structuredClone(desired);
	parseDeployment(desired);
	t.deepEqual(desired, before);
});

test('tells the problems of every part at once, each place once', (t) => {
	const module = { type: 'docker', settings: { image: 'x' } };
	const { statusCode, problems } = parseDeployment({
		schemaVersion: '9.0',
		runtime: { type: 'docker', settings: {} },
		systemModules: { edgeAgent: module, edgeHub: { ...module, status: 'running' } },
		modules: {
			one: { ...module, restartPolicy: 'sometimes' },
			two: { type: 'docker', settings: { image: '', createOptions: '{nope' } },
			three: 7,
		},
	});
	t.is(statusCode, 412);
	t.deepEqual(
		problems.filter(({ severity }) => severity === 'error').map(({ path }) => path),
		[
			'$.schemaVersion',
			'$.modules.one.restartPolicy',
			'$.modules.three',
			'$.modules.two.settings.image',
			'$.modules.two.settings.createOptions',
		],
	);
});
