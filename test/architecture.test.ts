import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import test from 'ava';

const source = resolve(import.meta.dirname, '../src');

/** Rows of the folder table of ARCHITECTURE.md: folder → folders it may import. */
async function folderTable(): Promise<Map<string, Set<string>>> {
	const page = await readFile(join(source, '../ARCHITECTURE.md'), 'utf8');
	const rows = page.matchAll(/^\| `src\/([a-z0-9-]+)` \|[^|]*\| ([^|]*) \|$/gm);
	const table = new Map<string, Set<string>>();
	for (const [, folder = '', imports = ''] of rows) {
		table.set(folder, new Set(imports === '-' ? [] : imports.split(', ')));
	}
	const cli = [...table.keys()].filter((folder) => folder !== 'modules' && folder !== 'cli');
	if (table.get('cli')?.has('everything but modules')) table.set('cli', new Set(cli));
	return table;
}

async function sourceFiles(): Promise<string[]> {
	const entries = await readdir(source, { recursive: true });
	return entries.filter((entry) => entry.endsWith('.ts')).map((entry) => join(source, entry));
}

function importsOf(text: string): string[] {
	const specifiers = text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g);
	return [...specifiers].map(([, specifier = '']) => specifier);
}

function folderOf(path: string): string {
	return relative(source, path).split(sep)[0] ?? '';
}

test('every folder of src is a row of the table in ARCHITECTURE.md, and every row a folder', async (t) => {
	const entries = await readdir(source, { withFileTypes: true });
	const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
	t.deepEqual(folders.sort(), [...(await folderTable()).keys()].sort());
});

test('a folder imports only what its row allows', async (t) => {
	const table = await folderTable();
	const violations: string[] = [];
	for (const file of await sourceFiles()) {
		const folder = folderOf(file);
		for (const specifier of importsOf(await readFile(file, 'utf8'))) {
			const target = folderOf(resolve(dirname(file), specifier));
			if (target !== folder && !table.get(folder)?.has(target)) {
				violations.push(`${relative(source, file)} imports ${specifier}`);
			}
		}
	}
	t.deepEqual(violations, []);
});

test('no file or folder is named after nothing in particular', async (t) => {
	const vague = /(^|[/-])(utils?|common|shared|helpers?|types|constants|misc)(\.ts|\/|$)/;
	const entries = await readdir(source, { recursive: true });
	t.deepEqual(
		entries.filter((entry) => vague.test(entry)),
		[],
	);
});
