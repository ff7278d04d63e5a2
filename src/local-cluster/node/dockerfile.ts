/** What a Dockerfile says about how its image runs. */
export interface ImageConfig {
	readonly entrypoint: readonly string[];
	readonly command: readonly string[];
	readonly workingDirectory: string;
	readonly environment: Readonly<Record<string, string>>;
}

interface Draft {
	entrypoint: string[];
	command: string[];
	workingDirectory: string;
	environment: Record<string, string>;
}

/** Reads ENTRYPOINT, CMD, WORKDIR and ENV of the last stage of a Dockerfile. */
export function readDockerfile(text: string): ImageConfig {
	let draft = emptyDraft();
	for (const { keyword, rest } of dockerfileInstructions(text)) {
		if (keyword === 'FROM') draft = emptyDraft();
		else read(draft, keyword, rest);
	}
	return draft;
}

/** One instruction of a Dockerfile, in one line. */
export interface DockerfileInstruction {
	/** In capitals. */
	readonly keyword: string;
	readonly rest: string;
}

/** The instructions of a Dockerfile, in order. */
export function dockerfileInstructions(text: string): DockerfileInstruction[] {
	return logicalLines(text).flatMap((line) => {
		const [, keyword, rest = ''] = /^\s*([A-Za-z]+)\s+(.*)$/s.exec(line) ?? [];
		return keyword === undefined ? [] : [{ keyword: keyword.toUpperCase(), rest: rest.trim() }];
	});
}

function read(draft: Draft, keyword: string, rest: string): void {
	if (keyword === 'ENTRYPOINT') draft.entrypoint = argumentsOf(rest);
	if (keyword === 'CMD') draft.command = argumentsOf(rest);
	if (keyword === 'WORKDIR') draft.workingDirectory = rest;
	if (keyword === 'ENV') Object.assign(draft.environment, environmentOf(rest));
}

function emptyDraft(): Draft {
	return { entrypoint: [], command: [], workingDirectory: '/', environment: {} };
}

/** Joins lines that end in a backslash and drops comments. */
function logicalLines(text: string): string[] {
	const plain = text.split(/\r?\n/).filter((line) => !/^\s*#/.test(line));
	return plain
		.join('\n')
		.replace(/\\[ \t]*\n/g, ' ')
		.split('\n');
}

/** The exec form is a JSON array; anything else is run by a shell. */
function argumentsOf(rest: string): string[] {
	try {
		const parsed: unknown = JSON.parse(rest);
		if (Array.isArray(parsed)) return parsed.map(String);
	} catch {
		// Not JSON: the shell form.
	}
	return ['/bin/sh', '-c', rest];
}

function environmentOf(rest: string): Record<string, string> {
	if (!/^[A-Za-z_]\w*=/.test(rest)) {
		const [name = '', ...words] = rest.split(/\s+/);
		return { [name]: words.join(' ') };
	}
	const pairs = rest.matchAll(/([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|\S*)/g);
	return Object.fromEntries(
		[...pairs].map(([, name = '', value = '']) => [name, value.replace(/^"(.*)"$/s, '$1')]),
	);
}
