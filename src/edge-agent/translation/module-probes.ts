import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import { definedMembers } from './defined-members.ts';
import { foldedMembers } from './folded-members.ts';
import type { ModuleScope } from './module-scope.ts';

const healthMembers = [
	'Test',
	'Interval',
	'Timeout',
	'Retries',
	'StartPeriod',
	'StartInterval',
] as const;
/** Docker's defaults, in seconds. */
const defaults = { interval: 30, timeout: 30, retries: 3 };
const nanoseconds = 1e9;

/**
 * The container's probes: of Healthcheck, and of the extension, which wins. An unhealthy module is
 * restarted, but not one whose restart policy is `never`; a start period becomes a startup probe.
 */
export function moduleProbes(scope: ModuleScope): JsonObject {
	const { extension, problems } = scope;
	const own = extension.object('probes') ?? {};
	const path = extension.pathOf('probes');
	const names = ['liveness', 'readiness', 'startup'] as const;
	const probes = foldedMembers(own, names, path, problems, 'EDGE_EXTENSION_UNKNOWN');
	const given = [...probes].filter(([name, probe]) => {
		if (isJsonObject(probe)) return true;
		problems.refuse('EDGE_EXTENSION_INVALID', `${path}.${name}`, 'A probe is an object.');
		return false;
	});
	return {
		...healthProbes(scope),
		...Object.fromEntries(given.map(([name, probe]) => [`${name}Probe`, probe])),
	};
}

function healthProbes(scope: ModuleScope): JsonObject {
	const { options, problems, module } = scope;
	const check = options.object('Healthcheck');
	if (check === undefined) return {};
	const path = options.pathOf('Healthcheck');
	const code = 'EDGE_CREATE_OPTION_UNKNOWN';
	const members = foldedMembers(check, healthMembers, path, problems, code);
	const command = commandOf(scope, members.get('Test'), path);
	if (command === undefined) return {};
	const interval = secondsOf(members.get('Interval')) ?? defaults.interval;
	const start = secondsOf(members.get('StartPeriod'));
	const wanted = Math.trunc(Number(members.get('Retries') ?? 0));
	const retries = wanted > 0 ? wanted : defaults.retries;
	const probe = {
		exec: { command },
		periodSeconds: interval,
		timeoutSeconds: secondsOf(members.get('Timeout')) ?? defaults.timeout,
		failureThreshold: retries,
	};
	const startPeriod = secondsOf(members.get('StartInterval')) ?? interval;
	const startup = start !== undefined && {
		...probe,
		periodSeconds: startPeriod,
		failureThreshold: Math.ceil(start / startPeriod) + retries,
	};
	return definedMembers({
		livenessProbe: module.restartPolicy === 'never' ? undefined : probe,
		readinessProbe: probe,
		startupProbe: startup || undefined,
	});
}

function commandOf(
	{ problems }: ModuleScope,
	test: JsonValue | undefined,
	path: string,
): string[] | undefined {
	const [kind, ...words] = Array.isArray(test) ? test.map(String) : [];
	if (kind === undefined || kind === 'NONE') return undefined;
	if (kind === 'CMD' && words.length > 0) return words;
	if (kind === 'CMD-SHELL' && words.length > 0) return ['/bin/sh', '-c', words.join(' ')];
	const message = 'A health check starts with CMD, CMD-SHELL or NONE; this one is left out.';
	problems.warn('EDGE_CREATE_OPTION_INVALID', `${path}.Test`, message);
	return undefined;
}

function secondsOf(value: JsonValue | undefined): number | undefined {
	const seconds = Math.ceil(Number(value ?? 0) / nanoseconds);
	return Number.isSafeInteger(seconds) && seconds > 0 ? seconds : undefined;
}
