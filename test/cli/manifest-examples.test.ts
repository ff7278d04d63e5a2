import { readFile } from 'node:fs/promises';
import test from 'ava';
import { checkManifest } from '../../src/cli/manifest-check.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { desiredProperties } from '../support/edge-deployment.ts';

const page = new URL('../../docs/manifests.md', import.meta.url);
const blocks = [...(await readFile(page, 'utf8')).matchAll(/```json\n(.*?)```/gs)];
const examples = blocks.map(([, text = '']): JsonObject => JSON.parse(text));

test('the page about manifests has examples', (t) => {
	t.true(examples.length >= 7);
});

for (const [index, createOptions] of examples.entries()) {
	test(`example ${index + 1} of the page about manifests is good createOptions`, (t) => {
		const desired = desiredProperties({ modules: { example: { createOptions } } });
		const $edgeAgent = { 'properties.desired': desired };
		const text = JSON.stringify({ modulesContent: { $edgeAgent } });
		const { problems, translation } = checkManifest(text, 'example.json');
		t.deepEqual(problems, []);
		t.false(translation?.modules.some(({ refused }) => refused));
	});
}
