import { createHash } from 'node:crypto';
import type { PodTemplate } from '../workloads/pod.ts';

/** The label that tells the pods of one ReplicaSet of a Deployment from those of the others. */
export const podTemplateHashLabel = 'pod-template-hash';

/** Characters of generated names: no vowels, so that no words arise. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** @param collisions how often a ReplicaSet of this name was something else's. */
export function podTemplateHash(template: PodTemplate, collisions = 0): string {
	return nameHash(`${canonicalTemplate(template)}\n${collisions}`, 10);
}

/** A short text for names, always the same for the same input. */
export function nameHash(text: string, length: number): string {
	const digest = createHash('sha256').update(text).digest();
	return [...digest.subarray(0, length)].map((byte) => alphabet[byte % alphabet.length]).join('');
}

/** A short random text for names. */
export function randomSuffix(length = 5): string {
	const bytes = crypto.getRandomValues(new Uint8Array(length));
	return [...bytes].map((byte) => alphabet[byte % alphabet.length]).join('');
}

/** Whether two templates make the same pods; the label with the hash does not count. */
export function sameTemplate(one: PodTemplate, other: PodTemplate): boolean {
	return canonicalTemplate(one) === canonicalTemplate(other);
}

function canonicalTemplate(template: PodTemplate): string {
	const { labels = {}, annotations = {} } = template.metadata ?? {};
	const { [podTemplateHashLabel]: _hash, ...others } = labels;
	return canonicalJson({ labels: others, annotations, spec: template.spec });
}

/** JSON with members in order, without those that are `undefined`. */
function canonicalJson(value: unknown): string {
	return JSON.stringify(value, (_name, member: unknown) => {
		if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
		const entries = Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1));
		return Object.fromEntries(entries);
	});
}
