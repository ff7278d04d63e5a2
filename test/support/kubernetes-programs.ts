import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const obtain = resolve(import.meta.dirname, '../../tools/kubernetes/obtain.sh');

/** Paths of programs, by name. */
export type Programs<Name extends string> = Readonly<Record<Name, string>>;

/**
 * Where programs are that `tools/kubernetes/obtain.sh` has built.
 *
 * @throws Error when one is not there.
 */
export async function kubernetesPrograms<Name extends string>(
	...names: readonly Name[]
): Promise<Programs<Name>> {
	const { stdout } = await promisify(execFile)(obtain, ['--cached', ...names]);
	const paths = stdout.trim().split('\n');
	return Object.fromEntries(names.map((name, index) => [name, paths[index]])) as Programs<Name>;
}
