import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const accounts = [
	['root', 0],
	['node', 1000],
	['nonroot', 65_532],
] as const;

/**
 * Fills a folder with what an image of Node.js has: the program of this process, where the usual
 * images have it, the shared libraries that it needs, and a few users.
 */
export async function writeNodeBase(root: string): Promise<void> {
	const program = join(root, 'nodejs/bin/node');
	await mkdir(dirname(program), { recursive: true });
	await cp(await realpath(process.execPath), program);
	await mkdir(join(root, 'usr/local/bin'), { recursive: true });
	await symlink('/nodejs/bin/node', join(root, 'usr/local/bin/node'));
	for (const library of await librariesOf(process.execPath)) {
		await mkdir(dirname(join(root, library)), { recursive: true });
		await cp(await realpath(library), join(root, library));
	}
	const lines = (line: (name: string, id: number) => string) => {
		return `${accounts.map(([name, id]) => line(name, id)).join('\n')}\n`;
	};
	await mkdir(join(root, 'etc'), { recursive: true });
	await writeFile(
		join(root, 'etc/passwd'),
		lines((name, id) => `${name}:x:${id}:${id}::/tmp:/sbin/nologin`),
	);
	await writeFile(
		join(root, 'etc/group'),
		lines((name, id) => `${name}:x:${id}:`),
	);
	await mkdir(join(root, 'tmp'));
	await chmod(join(root, 'tmp'), 0o1777);
}

/** Paths of the shared libraries that a program is loaded with, the loader among them. */
async function librariesOf(program: string): Promise<string[]> {
	const { stdout } = await promisify(execFile)('ldd', [program]);
	const paths = stdout.matchAll(/(?:=>)?\s*(\/\S+)\s+\(0x/g);
	return [...paths].map(([, path = '']) => path);
}
