import { parseQuantity } from '../../cluster/quantity.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import { definedMembers } from './defined-members.ts';
import { foldedMembers } from './folded-members.ts';
import { isEdgeHub, type ModuleScope } from './module-scope.ts';

const approximated = 'EDGE_CREATE_OPTION_APPROXIMATED';
const resourceMembers = ['limits', 'requests', 'claims'] as const;
/**
 * Unless the manifest says otherwise. Without a request, the pod that holds everybody's messages
 * would be among the first that a node short of memory ends.
 */
const hubRequests = { memory: '128Mi', cpu: '50m' };
const nanoPerMilli = 1_000_000;
/** Bytes. */
const leastMemory = 6 * 1024 * 1024;
const defaultCpuPeriod = 100_000;

/** What a container may use, and the RuntimeClass that its devices need. */
export interface ModuleResources {
	readonly resources: JsonObject;
	readonly runtimeClassName: string | undefined;
	/** Whether it holds a device or another countable resource, which a second pod could not have. */
	readonly exclusive: boolean;
	/** Whether it requests CPU, if only by limiting it. */
	readonly reservesCpu: boolean;
}

/** Reads memory, CPU, disk, GPU and device options; the extension's `resources` win field by field. */
export function moduleResources(scope: ModuleScope): ModuleResources {
	const { options, extension } = scope;
	const own = ownResources(scope);
	const ownLimits = quantities(own.get('limits'));
	const limits: Record<string, JsonValue | undefined> = {
		memory: bytes(memoryLimit(scope, ownLimits['memory'] !== undefined)),
		cpu: cpuLimit(scope),
		'ephemeral-storage': rootSize(scope),
		...deviceLimits(scope),
	};
	const requests = {
		memory: bytes(options.integer('HostConfig.MemoryReservation')),
		cpu: cpuRequest(options.integer('HostConfig.CpuShares')),
	};
	const runtimeClassName = runtimeClass(scope, limits);
	const ownRequests = quantities(own.get('requests'));
	const allLimits = definedMembers({
		...aboveRequests(scope, limits, ownRequests),
		...ownLimits,
	});
	const allRequests = definedMembers({
		...(isEdgeHub(scope) ? unlimited(hubRequests, allLimits) : {}),
		...definedMembers(withinLimits(scope, requests, allLimits)),
		...ownRequests,
	});
	const claims = own.get('claims');
	const resources = definedMembers({
		limits: allLimits,
		requests: allRequests,
		...(Array.isArray(claims) && { claims }),
	});
	return {
		resources,
		runtimeClassName: extension.string('runtimeClassName') ?? runtimeClassName,
		exclusive: Object.keys(allLimits).some(isExtended),
		reservesCpu: (allRequests['cpu'] ?? allLimits['cpu']) !== undefined,
	};
}

/** Docker refuses less, which is mostly megabytes where bytes are meant: no program could start. */
function memoryLimit({ options, problems }: ModuleScope, overruled: boolean): number | undefined {
	const limit = options.integer('HostConfig.Memory');
	if (limit === undefined || limit <= 0 || limit >= leastMemory || overruled) return limit;
	const message = `${limit} bytes of memory are less than the 6 MiB that Docker asks for.`;
	const remedy = 'Give bytes: 512 MiB are 536870912.';
	problems.refuse(
		'EDGE_CREATE_OPTION_INVALID',
		options.pathOf('HostConfig.Memory'),
		message,
		remedy,
	);
	return undefined;
}

/** What is requested of resources that have no limit; a limit alone is a request as well. */
function unlimited(requests: JsonObject, limits: JsonObject): JsonObject {
	return Object.fromEntries(
		Object.entries(requests).filter(([name]) => limits[name] === undefined),
	);
}

/** The extension wins: a limit of Docker below what the extension requests is left out. */
function aboveRequests(
	{ extension, problems }: ModuleScope,
	limits: Readonly<Record<string, JsonValue | undefined>>,
	requests: Readonly<Record<string, string>>,
): Record<string, JsonValue | undefined> {
	const kept = Object.entries(limits).filter(([name, limit]) => {
		const request = parseQuantity(requests[name]);
		if (limit === undefined || request === undefined) return true;
		if (request <= (parseQuantity(limit) ?? 0)) return true;
		const message = `The ${name} requested is above Docker's limit, which is left out.`;
		const remedy = `Give limits.${name} as well.`;
		problems.warn(approximated, extension.pathOf('resources'), message, remedy);
		return false;
	});
	return Object.fromEntries(kept);
}

/** Docker takes a reservation or a weight above the limit; Kubernetes does not. */
function withinLimits(
	{ options, problems }: ModuleScope,
	requests: Readonly<Record<'memory' | 'cpu', string | undefined>>,
	limits: JsonObject,
): Record<string, JsonValue | undefined> {
	const sources = { memory: 'HostConfig.MemoryReservation', cpu: 'HostConfig.CpuShares' } as const;
	const lowered = (['memory', 'cpu'] as const).map((name) => {
		const [request, limit] = [parseQuantity(requests[name]), parseQuantity(limits[name])];
		if (request === undefined || limit === undefined || request <= limit) {
			return [name, requests[name]];
		}
		const message = `More ${name} cannot be reserved than the limit; the limit is reserved.`;
		problems.warn(approximated, options.pathOf(sources[name]), message);
		return [name, limits[name]];
	});
	return Object.fromEntries(lowered);
}

/** Extended resources are named like a domain: `nvidia.com/gpu`. */
function isExtended(name: string): boolean {
	return name.includes('/') && !name.startsWith('kubernetes.io/');
}

function bytes(value: number | undefined): string | undefined {
	return value === undefined || value <= 0 ? undefined : jsonText(value);
}

function cpuLimit({ options }: ModuleScope): string | undefined {
	const nano = options.integer('HostConfig.NanoCpus');
	const quota = options.integer('HostConfig.CpuQuota');
	const period = options.integer('HostConfig.CpuPeriod') ?? defaultCpuPeriod;
	if (nano !== undefined && nano > 0) return milliCpu(nano / nanoPerMilli);
	return quota !== undefined && quota > 0 ? milliCpu((quota / period) * 1000) : undefined;
}

function cpuRequest(shares: number | undefined): string | undefined {
	return shares === undefined || shares <= 0 ? undefined : milliCpu((shares / 1024) * 1000);
}

function milliCpu(value: number): string {
	return `${Math.max(1, Math.ceil(value))}m`;
}

function rootSize({ options }: ModuleScope): string | undefined {
	const size = options.object('HostConfig.StorageOpt')?.['size'];
	const [, number, unit = ''] = /^(\d+)([kmgt]?)b?$/i.exec(jsonText(size ?? '')) ?? [];
	return number === undefined
		? undefined
		: `${number}${unit === '' ? '' : `${unit.toUpperCase()}i`}`;
}

/** Devices and GPUs as resources of device plugins. */
function deviceLimits(scope: ModuleScope): Record<string, string> {
	const { options, policy } = scope;
	const limits: Record<string, string> = {};
	const isPrivileged = policy.allowPrivileged && options.boolean('HostConfig.Privileged');
	for (const { value, path } of options.list('HostConfig.Devices')) {
		const device = isJsonObject(value) ? jsonText(memberOf(value, 'PathOnHost') ?? '') : '';
		const resource = policy.deviceResources.get(device);
		if (resource !== undefined) limits[resource] = '1';
		else if (!isPrivileged) {
			const message = `No resource of a device plugin is configured for "${device.slice(0, 60)}".`;
			const remedy = 'Let the operator install a device plugin and map the device to its resource.';
			scope.problems.refuse('EDGE_POLICY_DENIED', path, message, remedy);
		}
	}
	const rules = options.strings('HostConfig.DeviceCgroupRules');
	if (rules.length > 0 && !isPrivileged) {
		const path = options.pathOf('HostConfig.DeviceCgroupRules');
		const message = 'Rules for devices cannot be given to a container that is not privileged.';
		scope.problems.refuse('EDGE_POLICY_DENIED', path, message);
	}
	const gpus = gpuCount(scope);
	if (gpus > 0) limits[policy.gpuResource] = jsonText(gpus);
	return limits;
}

function gpuCount({ options, problems }: ModuleScope): number {
	let count = 0;
	for (const { value, path } of options.list('HostConfig.DeviceRequests')) {
		const request = isJsonObject(value) ? value : {};
		const kind = JSON.stringify([memberOf(request, 'Capabilities'), memberOf(request, 'Driver')]);
		if (!/gpu|nvidia/i.test(kind)) {
			problems.refuse('EDGE_CREATE_OPTION_REFUSED', path, 'Only GPUs can be requested.');
			continue;
		}
		const wanted = wantedGpus(request);
		if (wanted < 0) {
			const message = 'All GPUs of a node cannot be asked for; the module gets one.';
			problems.warn(approximated, path, message, 'Give a Count.');
		}
		count += wanted > 0 && Number.isSafeInteger(wanted) ? wanted : 1;
	}
	return count;
}

function wantedGpus(request: JsonObject): number {
	const ids = memberOf(request, 'DeviceIDs');
	if (Array.isArray(ids) && ids.length > 0) return ids.length;
	return Number(memberOf(request, 'Count') ?? 1);
}

/** Reads Runtime; `nvidia` also asks for a GPU, unless the module does so itself. */
function runtimeClass(
	scope: ModuleScope,
	limits: Record<string, JsonValue | undefined>,
): string | undefined {
	const { options, policy, problems, extension } = scope;
	const runtime = options.string('HostConfig.Runtime');
	if (runtime === undefined) return undefined;
	const path = options.pathOf('HostConfig.Runtime');
	const className = policy.runtimeClasses.get(runtime);
	if (runtime === 'nvidia') {
		const own = memberOf(extension.object('resources') ?? {}, 'limits');
		const asks =
			limits[policy.gpuResource] !== undefined ||
			(isJsonObject(own) && Object.keys(own).some(isExtended));
		if (!asks) {
			limits[policy.gpuResource] = '1';
			const message = 'The runtime "nvidia" becomes a request for one whole GPU.';
			problems.warn(approximated, path, message, 'Say what is needed in k8s-extensions.resources.');
		}
	} else if (className === undefined) {
		const message = `No RuntimeClass is configured for the runtime "${runtime.slice(0, 40)}".`;
		problems.refuse('EDGE_POLICY_DENIED', path, message);
	}
	return className;
}

function quantities(object: JsonValue | undefined): Record<string, string> {
	if (!isJsonObject(object)) return {};
	const scalars = Object.entries(object).filter(([, value]) => {
		return typeof value === 'string' || typeof value === 'number';
	});
	return Object.fromEntries(scalars.map(([name, value]) => [name, jsonText(value)]));
}

/** `resources` of the extension, by the names of the API. */
function ownResources({
	extension,
	problems,
}: ModuleScope): ReadonlyMap<(typeof resourceMembers)[number], JsonValue> {
	const own = extension.object('resources') ?? {};
	const path = extension.pathOf('resources');
	return foldedMembers(own, resourceMembers, path, problems, 'EDGE_EXTENSION_UNKNOWN');
}

function memberOf(object: JsonObject, name: string): JsonValue | undefined {
	const found = Object.entries(object).find(([key]) => key.toLowerCase() === name.toLowerCase());
	return found?.[1];
}
