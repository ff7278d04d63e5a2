import { InvalidArgumentError } from 'commander';
import { policyOf, policySettings, readPolicySettings } from '../edge-agent/policy-settings.ts';
import type { TranslationPolicy } from '../edge-agent/translation/translation.ts';
import { suggestion } from '../manifest/nearest-name.ts';
import { EdgeError } from '../runtime/edge-error.ts';

/** Policy settings by the name of their environment variable. */
export type PolicyAssignments = Readonly<Record<string, string>>;

const names = Object.values(policySettings).map(({ env }) => env);

/**
 * Adds `NAME=value` to the settings that earlier options gave. Names count in any case.
 *
 * @throws InvalidArgumentError, which commander shows with the option's name.
 */
export function addPolicyAssignment(
	text: string,
	earlier: PolicyAssignments = {},
): PolicyAssignments {
	const equals = text.indexOf('=');
	const typed = equals < 0 ? text : text.slice(0, equals);
	const name = names.find((known) => known.toLowerCase() === typed.trim().toLowerCase());
	if (name === undefined) {
		const hint = suggestion(typed, names) || `There are: ${names.join(', ')}.`;
		throw new InvalidArgumentError(`There is no policy setting "${typed}". ${hint}`);
	}
	if (equals < 0) throw new InvalidArgumentError(`Give it as ${name}=value.`);
	return { ...earlier, [name]: text.slice(equals + 1) };
}

/**
 * The policy that an agent with these settings would follow.
 *
 * @param assignments win over `environment`.
 * @param protectedSecrets Secrets of the runtime that no module may mount or read.
 * @throws EdgeError EDGE_SETTING_INVALID
 */
export function policyFrom(
	assignments: PolicyAssignments = {},
	environment: Readonly<Record<string, string | undefined>> = process.env,
	protectedSecrets: readonly string[] = ['edgeagent-state', 'iotedge-device'],
): TranslationPolicy {
	const { settings, problems } = readPolicySettings({ ...environment, ...assignments });
	if (settings !== undefined) return policyOf(settings, protectedSecrets);
	const [first] = problems;
	throw new EdgeError('EDGE_SETTING_INVALID', first?.message ?? 'A setting is wrong.', {
		...(first === undefined ? {} : { where: first.env }),
	});
}
