import type { Problem } from '../../manifest/problem.ts';
import { exitCode } from '../exit-code.ts';
import { checkManifestFile, exampleTarget, targetFor } from '../manifest-check.ts';
import { manifestFiles } from '../manifest-files.ts';
import { type PolicyAssignments, policyFrom } from '../manifest-policy.ts';
import type { OutputForm } from '../output-form.ts';
import { countProblems, formatProblems, hasErrors, plural } from '../problem-list.ts';
import { Progress } from '../progress.ts';
import type { Terminal } from '../terminal.ts';

/** Options of `validate`. */
export interface ValidateOptions {
	readonly policy?: PolicyAssignments;
	readonly platform?: string;
	readonly parent?: string;
	readonly output: OutputForm;
}

/** Lists all problems of manifests. @returns 2 when there are errors. */
export async function validate(
	paths: readonly string[],
	options: ValidateOptions,
	terminal: Terminal,
): Promise<number> {
	const policy = policyFrom(options.policy);
	const files = await manifestFiles(paths);
	const progress = new Progress(files.length, terminal);
	const target = targetFor(exampleTarget, options.parent);
	const tally = new Tally();
	for (const file of files) {
		const { problems } = await checkManifestFile(file, target, policy, options.platform);
		progress.step(file);
		tally.add(problems);
		if (options.output === 'json') {
			terminal.write(`${JSON.stringify({ file, valid: !hasErrors(problems), problems })}\n`);
			continue;
		}
		const lines = formatProblems(file, problems, terminal);
		terminal.write([...lines, `${file}: ${countProblems(problems)}`, ''].join('\n'));
	}
	progress.done();
	if (files.length !== 1 && options.output === 'text') terminal.write(`${tally}\n`);
	return tally.faulty > 0 ? exitCode.badInput : exitCode.ok;
}

/** How many files are how. */
class Tally {
	fine = 0;
	warned = 0;
	faulty = 0;

	add(problems: readonly Problem[]): void {
		if (hasErrors(problems)) this.faulty += 1;
		else if (problems.length > 0) this.warned += 1;
		else this.fine += 1;
	}

	/** `248 files: 52 fine, 20 with warnings, 176 with errors`. */
	toString(): string {
		const { fine, warned, faulty } = this;
		const parts = [`${fine} fine`, `${warned} with warnings`, `${faulty} with errors`];
		return `${plural(fine + warned + faulty, 'file')}: ${parts.join(', ')}`;
	}
}
