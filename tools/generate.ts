import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pages } from './pages.ts';

for (const page of pages) {
	const path = resolve(import.meta.dirname, '..', page.path);
	await mkdir(dirname(path), { recursive: true });
	await writeFile(path, page.render());
	console.log(page.path);
}
