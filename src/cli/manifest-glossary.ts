import { createOptionsTable } from '../edge-agent/translation/create-options-table.ts';
import { extensionTable } from '../edge-agent/translation/extension-table.ts';
import { nearestName } from '../manifest/nearest-name.ts';
import { errorCatalogue } from '../runtime/error-catalogue.ts';

/** What `explain` knows about one name. */
export interface GlossaryEntry {
	/** `HostConfig.Binds`, `k8s-extensions.replicas`, `EDGE_POLICY_DENIED`. */
	readonly name: string;
	readonly kind: 'createOptions' | 'extension' | 'error';
	/** Which JSON it takes; empty for errors. */
	readonly takes: string;
	/** What becomes of it: `translated`, `approximated`, `refused`, `meaningless`; empty for errors. */
	readonly fate: string;
	/** The Kubernetes field or object; empty where there is none. */
	readonly target: string;
	/** What to know about it; for an error what has happened. */
	readonly note: string;
	/** What to do about an error. */
	readonly remedy: string;
}

/** Every option of createOptions, every member of the Kubernetes extension, every error code. */
export function glossary(): GlossaryEntry[] {
	const options = Object.entries(createOptionsTable).map(([name, row]) => ({
		...{ name, kind: 'createOptions' as const, takes: row.shape, fate: row.fate },
		...{ target: row.target, note: row.note, remedy: '' },
	}));
	const extensions = Object.entries(extensionTable).map(([member, row]) => ({
		...{ name: `k8s-extensions.${member}`, kind: 'extension' as const, takes: row.shape },
		fate: 'translated',
		target: row.target,
		note: row.preview
			? [row.note, 'Under `k8s-experimental` as well.'].filter(Boolean).join(' ')
			: row.note,
		remedy: '',
	}));
	const errors = Object.entries(errorCatalogue).map(([name, { summary, remedy }]) => ({
		...{ name, kind: 'error' as const, takes: '', fate: '', target: '' },
		note: summary,
		remedy,
	}));
	return [...options, ...extensions, ...errors];
}

/** The entries that a name means: exact but for case, else those whose last part it is. */
export function findEntries(entries: readonly GlossaryEntry[], typed: string): GlossaryEntry[] {
	const wanted = typed
		.trim()
		.toLowerCase()
		.replace(/^(\$\.)?createoptions\./, '')
		.replace(/^k8s-experimental\./, 'k8s-extensions.');
	const exact = entries.filter(({ name }) => name.toLowerCase() === wanted);
	if (exact.length > 0) return exact;
	return entries.filter(({ name }) => {
		const lower = name.toLowerCase();
		return (
			lower.endsWith(`.${wanted}`) || lower === `edge_${wanted}` || lower.startsWith(`${wanted}.`)
		);
	});
}

/** The name that was most likely meant. */
export function nearestEntry(entries: readonly GlossaryEntry[], typed: string): string | undefined {
	const names = entries.map(({ name }) => name);
	const whole = nearestName(typed, names);
	if (whole !== undefined) return whole;
	const last = (name: string) => name.split('.').at(-1) ?? name;
	const near = nearestName(last(typed), names.map(last));
	return names.find((name) => last(name) === near);
}
