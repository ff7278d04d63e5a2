import { Document, Scalar, visit } from 'yaml';
import type { KubernetesObject } from '../cluster/kubernetes-object.ts';
import { plainText } from './plain-text.ts';

/** Strings that readers of some version of YAML take for something else, although others do not. */
const ambiguous = /^(?:<<|=|---|\.\.\.|0o[0-7]+)$/;
/** Characters that are line ends, or not allowed, in some version of YAML. */
const unprintable = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/**
 * An object as a YAML document that kubectl reads as it was. Its reader follows YAML 1.1, where
 * `on`, `yes`, `1_000` and `1:30` are no strings unless they are quoted.
 *
 * @param comments lines before the object; whatever they hold, they end no comment.
 */
export function objectYaml(object: KubernetesObject, comments: readonly string[] = []): string {
	const document = new Document(object, {
		version: '1.1',
		// It would write `<<` without quotes.
		customTags: (tags) => tags.filter((tag) => tag !== 'merge' && !isMerge(tag)),
		aliasDuplicateObjects: false,
	});
	visit(document, {
		Scalar: (_key, node: Scalar) => {
			if (typeof node.value !== 'string') return;
			node.value = node.value.toWellFormed();
			if (needsQuotes(`${node.value}`)) node.type = Scalar.QUOTE_DOUBLE;
		},
	});
	const body = document.toString({ lineWidth: 0, directives: false });
	return [...comments.map((line) => `# ${plainText(line)}\n`), escaped(body)].join('');
}

function isMerge(tag: unknown): boolean {
	return typeof tag === 'object' && (tag as { tag?: unknown }).tag === 'tag:yaml.org,2002:merge';
}

function needsQuotes(text: string): boolean {
	return ambiguous.test(text) || text.search(unprintable) >= 0;
}

/** What `unprintable` matches stands in double quotes by now, where it can be escaped. */
function escaped(body: string): string {
	return body.replace(unprintable, (character) => {
		return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
	});
}
