import { isJsonObject, type JsonValue } from '../../runtime/json.ts';
import type { TranslationPolicy } from './translation.ts';

/** Members of volumes and variables whose value, or whose `name`, names a Secret. */
const secretMembers = new Set(['secret', 'secretRef', 'secretKeyRef', 'nodePublishSecretRef']);

/**
 * The name of a Secret of the runtime that a volume or a variable refers to. With one of those, a
 * module could act as any other.
 */
export function protectedReference(
	value: JsonValue | undefined,
	policy: TranslationPolicy,
): string | undefined {
	if (Array.isArray(value)) return firstOf(value, policy);
	if (!isJsonObject(value)) return undefined;
	for (const [name, member] of Object.entries(value)) {
		if (secretMembers.has(name) && isJsonObject(member)) {
			const secret = member['secretName'] ?? member['name'];
			if (typeof secret === 'string' && policy.protectedSecrets.includes(secret)) return secret;
		}
	}
	return firstOf(Object.values(value), policy);
}

function firstOf(
	values: readonly (JsonValue | undefined)[],
	policy: TranslationPolicy,
): string | undefined {
	for (const value of values) {
		const found = protectedReference(value, policy);
		if (found !== undefined) return found;
	}
	return undefined;
}
