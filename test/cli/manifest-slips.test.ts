import test from 'ava';
import { checkManifest } from '../../src/cli/manifest-check.ts';
import type { JsonObject, JsonValue } from '../../src/runtime/json.ts';

const agentPath = '$.modulesContent.$edgeAgent["properties.desired"]';
const hubPath = '$.modulesContent.$edgeHub["properties.desired"]';
const filterPath = `${agentPath}.modules.filter`;

interface Parts {
	readonly module?: JsonObject;
	readonly settings?: JsonObject;
	readonly agent?: JsonObject;
	readonly hub?: JsonObject;
}

function manifest({ module, settings, agent, hub }: Parts): JsonObject {
	const own = { image: 'filter:1', ...settings };
	const edgeHub = { type: 'docker', settings: { image: 'hub:1' } };
	return {
		modulesContent: {
			$edgeAgent: {
				'properties.desired': {
					schemaVersion: '1.1',
					systemModules: { edgeHub },
					modules: { filter: { type: 'docker', settings: own, ...module } },
					...agent,
				},
			},
			$edgeHub: {
				'properties.desired': {
					schemaVersion: '1.1',
					routes: {},
					storeAndForwardConfiguration: { timeToLiveSecs: 7200 },
					...hub,
				},
			},
		},
	};
}

/** What is said of a manifest, one line a problem. */
function said(document: JsonValue | string): string[] {
	const text = typeof document === 'string' ? document : JSON.stringify(document);
	return checkManifest(text, 'deployment.json').problems.map((problem) => {
		const { severity, code, path, message, remedy = '' } = problem;
		return `${severity} ${code} ${path} ${message} ${remedy}`;
	});
}

const slips: readonly (readonly [slip: string, parts: Parts, expected: RegExp, path: string])[] = [
	[
		'megabytes in the place of bytes',
		{ settings: { createOptions: { HostConfig: { Memory: 512 } } } },
		/^error .*512 bytes .* less than the 6 MiB .*536870912/,
		`${filterPath}.settings.createOptions.HostConfig.Memory`,
	],
	[
		'a size as the command line takes it',
		{ settings: { createOptions: { HostConfig: { Memory: '512m' } } } },
		/^error .*takes a number, not "512m"\. Give bytes: 536870912\./,
		`${filterPath}.settings.createOptions.HostConfig.Memory`,
	],
	[
		'createOptions that were quoted twice',
		{ settings: { createOptions: JSON.stringify(JSON.stringify({ Env: ['A=1'] })) } },
		/^error .*JSON text within JSON text/,
		`${filterPath}.settings.createOptions`,
	],
	[
		'a placeholder for a registry',
		{
			agent: {
				runtime: {
					type: 'docker',
					settings: {
						registryCredentials: { a: { address: '$ADDRESS', username: 'u', password: 'p' } },
					},
				},
			},
		},
		/^warning .*"\$ADDRESS" is no address of a registry/,
		`${agentPath}.runtime.settings.registryCredentials.a.address`,
	],
	[
		'modules without an edge hub',
		{ agent: { systemModules: {} } },
		/^warning EDGE_HUB_ABSENT .*Add "edgeHub"/,
		`${agentPath}.systemModules`,
	],
	[
		'a misspelt time to live',
		{ hub: { storeAndForwardConfiguration: { timeToLiveSec: 60 } } },
		/^warning .*Did you mean "timeToLiveSecs"/,
		`${hubPath}.storeAndForwardConfiguration.timeToLiveSec`,
	],
	[
		'a list of modules',
		{ agent: { modules: [1] } },
		/^error .*\[1\] is not an object\./,
		`${agentPath}.modules`,
	],
	[
		'another runtime than Docker',
		{ module: { type: 'podman' } },
		/^error .*"podman" is not "docker"\. Use "docker"\./,
		`${filterPath}.type`,
	],
	[
		'a fraction in the startup order',
		{ module: { startupOrder: 1.5 } },
		/^error .*1\.5 is not a whole number\./,
		`${filterPath}.startupOrder`,
	],
	[
		'a blank in the name of a variable',
		{ module: { env: { 'A B': { value: '1' } } } },
		/^warning .*version 1\.32.*Use letters, digits/,
		`${filterPath}.env["A B"]`,
	],
];
for (const [slip, parts, expected, path] of slips) {
	test(`says what is wrong with ${slip}`, (t) => {
		const lines = said(manifest(parts));
		t.is(lines.length, 1, lines.join('\n'));
		t.regex(lines[0] ?? '', expected);
		t.true(lines[0]?.includes(` ${path} `), lines[0]);
	});
}

test('null is nothing in every section, as in a twin', (t) => {
	const parts = { module: { env: null, status: null }, hub: { routes: { gone: null } } };
	t.deepEqual(said(manifest(parts)), []);
});

const sections: readonly (readonly [slip: string, name: string, remedy: RegExp])[] = [
	['in another case', '$EdgeAgent', /"\$EdgeAgent" must be called "\$edgeAgent"/],
	['without its dollar sign', 'edgeAgent', /"edgeAgent" must be called "\$edgeAgent"/],
	['that a shell has taken', '', /did a shell replace "\$edgeAgent"\?/],
];
for (const [slip, name, remedy] of sections) {
	test(`finds the section of the agent ${slip}`, (t) => {
		const { modulesContent } = manifest({}) as { modulesContent: JsonObject };
		const { $edgeAgent, ...others } = modulesContent;
		const [first] = said({ modulesContent: { ...others, [name]: $edgeAgent } });
		t.regex(first ?? '', remedy);
	});
}

test('says that properties.desired is one member', (t) => {
	const desired = { routes: {} };
	const lines = said({ modulesContent: { $edgeAgent: { properties: { desired } } } });
	t.true(lines.some((line) => /\$edgeAgent\.properties .*Write it as one member/.test(line)));
});

test('names places of layers as they stand in the file', (t) => {
	const lines = said({
		content: {
			modulesContent: {
				$edgeAgent: { 'properties.desired.modules.a.b': { type: 'docker' } },
				$edgeHub: {
					'properties.desired.routes.x': 'FROM /messages/*',
					'properties.desired.route.y': 'FROM /messages/* INTO $upstream',
				},
			},
		},
	});
	const places = lines.map((line) => line.split(' ')[2]);
	const section = '$.content.modulesContent';
	for (const place of [
		`${section}.$edgeHub["properties.desired.routes.x"]`,
		`${section}.$edgeHub["properties.desired.route.y"]`,
		`${section}.$edgeAgent["properties.desired.modules.a.b"]`,
	]) {
		t.true(places.includes(place), `${place} in\n${lines.join('\n')}`);
	}
});

test('a text that is no JSON has one fault a line at most', (t) => {
	const single = JSON.stringify(manifest({})).replaceAll('"', "'");
	t.deepEqual(
		said(single).map((line) => line.split(' ').slice(0, 2).join(' ')),
		['error EDGE_MANIFEST_SYNTAX'],
	);
	t.true(said(JSON.stringify(manifest({}), null, 1).replaceAll('"', "'")).length > 1);
});
