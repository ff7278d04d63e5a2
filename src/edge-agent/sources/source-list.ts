import { wordList } from '../../runtime/settings.ts';
import { type SourceKind, sourceKinds } from './deployment-source.ts';

/**
 * Reads the order of sources, the most important first: `edge-deployment,twin`. `local` is Azure's
 * word for a file.
 *
 * @throws RangeError for an unknown word, a repeated one, or none.
 */
export function sourceList(value: string): readonly SourceKind[] {
	const kinds = wordList(value.toLowerCase()).map((word) => {
		const name = word === 'local' ? 'file' : word;
		const kind = sourceKinds.find((known) => known === name);
		if (kind !== undefined) return kind;
		throw new RangeError(`The value must be a list of ${sourceKinds.join(', ')}.`);
	});
	if (kinds.length > 0 && new Set(kinds).size === kinds.length) return kinds;
	throw new RangeError('The value must name at least one source, and each but once.');
}
