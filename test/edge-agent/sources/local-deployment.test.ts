import test from 'ava';
import {
	localDeployment,
	localDeploymentOfText,
	localSourceOf,
} from '../../../src/edge-agent/sources/local-deployment.ts';
import { parseDeployment } from '../../../src/manifest/deployment-parser.ts';
import type { JsonObject } from '../../../src/runtime/json.ts';

const origin = { kind: 'edge-deployment', place: 'EdgeDeployment factory', generation: 4 } as const;
const agent: JsonObject = {
	schemaVersion: '1.1',
	modules: { filter: { type: 'docker', settings: { image: 'filter:1' } } },
};

function manifest(sections: JsonObject): JsonObject {
	return { modulesContent: { $edgeAgent: { 'properties.desired': agent }, ...sections } };
}

test('a manifest becomes the desired properties of the agent, and brings those of the others along', (t) => {
	const hub = { schemaVersion: '1.1', routes: {} };
	const { desired } = localDeployment(
		manifest({
			$edgeHub: { 'properties.desired': hub },
			// As `az iot hub module-twin show` has it.
			filter: { 'properties.desired': { limit: 30, $version: 7, $metadata: {} } },
		}),
		origin,
	);
	t.is(desired?.['$version'], 4);
	t.deepEqual(localSourceOf(desired), {
		kind: 'edge-deployment',
		place: 'EdgeDeployment factory',
		revision: '4',
		hub,
		twins: { filter: { limit: 30 } },
	});
	const { deployment, problems } = parseDeployment(desired ?? {});
	t.deepEqual(problems, []);
	t.deepEqual(
		deployment?.modules.map(({ name }) => name),
		['filter'],
	);
});

test('without a generation the version follows the content, the twins included', (t) => {
	const versionOf = (sections: JsonObject) => {
		const text = JSON.stringify(manifest(sections));
		return localDeploymentOfText(text, { kind: 'file', place: 'f' }).desired?.['$version'];
	};
	const limit = (value: number) => ({ filter: { 'properties.desired': { limit: value } } });
	t.true(Number.isSafeInteger(versionOf({})));
	t.is(versionOf(limit(1)), versionOf(limit(1)));
	t.not(versionOf(limit(1)), versionOf(limit(2)));
});

const wrong: readonly (readonly [what: string, text: string, code: number, says: RegExp])[] = [
	['nothing', ' ', 417, /empty/],
	['no JSON', '{', 400, /\$/],
	['no object', '[]', 400, /object/],
	[
		'no section of the agent',
		'{"modulesContent":{"$edgeHub":{"properties.desired":{}}}}',
		417,
		/\$edgeAgent/,
	],
	[
		'a layer',
		'{"modulesContent":{"$edgeAgent":{"properties.desired.modules.a":{}}}}',
		400,
		/merge it with its base/,
	],
];

for (const [what, text, code, says] of wrong) {
	test(`${what} is a fault with a code and words`, (t) => {
		const { fault } = localDeploymentOfText(text, { kind: 'file', place: 'f' });
		t.is(fault?.code, code as 400);
		t.regex(fault?.description ?? '', says);
	});
}

test('no twin passes for a local source', (t) => {
	t.is(localSourceOf({ schemaVersion: '1.1', source: {} }), undefined);
	t.is(localSourceOf(undefined), undefined);
});
