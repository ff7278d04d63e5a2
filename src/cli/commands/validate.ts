import { exitCode } from '../exit-code.ts';
import { checkManifestFile } from '../manifest-check.ts';
import { manifestFiles } from '../manifest-files.ts';
import { countProblems, formatProblems } from '../problem-list.ts';
import type { OutputForm } from '../program.ts';
import { Progress } from '../progress.ts';
import type { Terminal } from '../terminal.ts';

/** Lists all problems of manifests. @returns 2 when there are errors. */
export async function validate(
	paths: readonly string[],
	options: { readonly output: OutputForm },
	terminal: Terminal,
): Promise<number> {
	const files = await manifestFiles(paths);
	const progress = new Progress(files.length, terminal);
	let code: number = exitCode.ok;
	for (const file of files) {
		const { problems } = await checkManifestFile(file);
		progress.step(file);
		if (problems.some(({ severity }) => severity === 'error')) code = exitCode.badInput;
		if (options.output === 'json') {
			terminal.write(`${JSON.stringify({ file, problems })}\n`);
			continue;
		}
		const lines = formatProblems(file, problems, terminal);
		terminal.write([...lines, `${file}: ${countProblems(problems)}`, ''].join('\n'));
	}
	progress.done();
	return code;
}
