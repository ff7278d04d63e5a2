import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import test from 'ava';
import { pages } from '../tools/pages.ts';

for (const page of pages) {
	test(`${page.path} says what the code says (npm run generate)`, async (t) => {
		const path = resolve(import.meta.dirname, '..', page.path);
		t.is(await readFile(path, 'utf8'), page.render());
	});
}
