import { policyOf, readPolicySettings } from '../../edge-agent/policy-settings.ts';
import type { TranslationPolicy } from '../../edge-agent/translation/translation.ts';

/**
 * The policy settings of a development edge. Its modules are processes of the user who started it:
 * forbidding rights that no process there has would only keep manifests from running. Published
 * ports are opened on this machine, as Docker does.
 */
export const developmentPolicySettings: Readonly<Record<string, string>> = {
	ALLOW_PRIVILEGED: 'true',
	ALLOW_HOST_PATHS: '/',
	ALLOW_HOST_NETWORK: 'true',
	ALLOW_HOST_IPC: 'true',
	ALLOW_HOST_PID: 'true',
	ALLOW_CAPABILITIES: 'ALL',
	RunAsNonRoot: 'false',
	PortMappingServiceType: 'LoadBalancer',
};

/** The same, compiled. */
export function developmentPolicy(): TranslationPolicy {
	const { settings, problems } = readPolicySettings(developmentPolicySettings);
	if (settings === undefined) throw new TypeError(problems[0]?.message);
	return policyOf(settings, []);
}
