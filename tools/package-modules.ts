import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

// The compiler writes the programs of the sample modules to `dist`; what says which images they stand
// for, and where they begin, follows here.

const project = join(import.meta.dirname, '..');
const sources = join(project, 'src/modules');
const target = join(project, 'dist/modules');

for (const { name } of await readdir(sources, { withFileTypes: true })) {
	await mkdir(join(target, name), { recursive: true });
	for (const file of ['package.json', 'module.json']) {
		const text = await readFile(join(sources, name, file), 'utf8');
		await writeFile(join(target, name, file), text.replace('"main.ts"', '"main.js"'));
	}
}
