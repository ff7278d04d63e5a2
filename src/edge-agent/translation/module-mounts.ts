import { memberPath } from '../../manifest/json-path.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import type { Placed } from './create-options.ts';
import { foldedMembers } from './folded-members.ts';
import { judgeHostPath } from './host-path.ts';
import type { ModuleScope } from './module-scope.ts';

/** A mount that a module asks for, whatever option asked. */
export type MountRequest = {
	/** Absolute path in the container, without a slash at the end. */
	readonly target: string;
	readonly readOnly: boolean;
	/** JSON path of the option. */
	readonly path: string;
	readonly subPath?: string;
	readonly propagation?: string;
} & (
	| { readonly kind: 'claim'; readonly volume: string }
	| { readonly kind: 'host'; readonly hostPath: string }
	| { readonly kind: 'memory'; readonly bytes?: number }
	| { readonly kind: 'scratch' }
);

const volumeName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const mountMembers = [
	'Type',
	'Source',
	'Target',
	'ReadOnly',
	'Consistency',
	'BindOptions',
	'VolumeOptions',
	'TmpfsOptions',
] as const;
/** Options of a mount's kind, by the member that holds them; those that nothing reads would not be missed. */
const mountSettings = {
	BindOptions: [
		'Propagation',
		'NonRecursive',
		'CreateMountpoint',
		'ReadOnlyNonRecursive',
		'ReadOnlyForceRecursive',
	],
	VolumeOptions: ['NoCopy', 'Labels', 'DriverConfig', 'Subpath'],
	TmpfsOptions: ['SizeBytes', 'Mode', 'Options'],
} as const;
const invalid = 'EDGE_CREATE_OPTION_INVALID';

/** Reads Binds, Mounts, Tmpfs, Volumes and ShmSize; what cannot be mounted is reported. */
export function readMounts(scope: ModuleScope): MountRequest[] {
	const requests = [
		...scope.options.strings('HostConfig.Binds').map((bind) => readBind(scope, bind)),
		...scope.options.list('HostConfig.Mounts').map((mount) => readMount(scope, mount)),
		...scope.options.members('HostConfig.Tmpfs').map((tmpfs) => readTmpfs(scope, tmpfs)),
		...scope.options.members('Volumes').map(([target, { path }]) => {
			return placed(scope, { kind: 'scratch', target, readOnly: false, path });
		}),
		readSharedMemory(scope),
	];
	const byTarget = new Map<string, MountRequest>();
	for (const request of requests) {
		if (request === undefined) continue;
		const rival = byTarget.get(request.target);
		if (rival === undefined) byTarget.set(request.target, request);
		else if (request.kind !== 'scratch') {
			const message = `Two mounts have the target "${request.target}".`;
			scope.problems.refuse(invalid, request.path, message, 'Remove one of them.');
		}
	}
	return [...byTarget.values()];
}

function readBind(scope: ModuleScope, { value, path }: Placed<string>): MountRequest | undefined {
	const bind = value.trim();
	if (/^[A-Za-z]:[\\/]|\\/.test(bind))
		return fromSource(scope, bind, { target: '/', readOnly: false, path });
	const [source = '', target, modes = ''] = bind.split(':');
	if (target === undefined) {
		return placed(scope, { kind: 'scratch', target: source, readOnly: false, path });
	}
	const options = modes.split(',');
	const mode = options.find((option) => /shared|slave/.test(option));
	const propagation = propagationOf(scope, mode, path);
	return fromSource(scope, source, {
		target,
		readOnly: options.includes('ro'),
		path,
		...(propagation !== undefined && { propagation }),
	});
}

function readMount(
	scope: ModuleScope,
	{ value, path }: Placed<JsonValue>,
): MountRequest | undefined {
	const { problems } = scope;
	if (!isJsonObject(value)) {
		problems.refuse(invalid, path, 'A mount is an object with Type, Source and Target.');
		return undefined;
	}
	const members = foldedMembers(value, mountMembers, path, problems, 'EDGE_CREATE_OPTION_UNKNOWN');
	const text = (name: (typeof mountMembers)[number]) => jsonText(members.get(name) ?? '').trim();
	const type = text('Type').toLowerCase();
	const source = text('Source');
	const place = { target: text('Target'), readOnly: isTrue(members.get('ReadOnly')), path };
	const settings = settingsOf(scope, members, path);
	if (type === 'tmpfs') {
		const bytes = Number(settings.get('SizeBytes'));
		return placed(scope, { kind: 'memory', ...place, ...(bytes > 0 && { bytes }) });
	}
	if (type === 'bind' || type === 'volume') {
		return mountFrom(scope, type, source, place, settings);
	}
	const message =
		type === 'npipe'
			? 'Named pipes of Windows cannot be mounted; nodes run Linux.'
			: 'A mount needs a Type of bind, volume or tmpfs.';
	problems.refuse(type === 'npipe' ? 'EDGE_CREATE_OPTION_REFUSED' : invalid, path, message);
	return undefined;
}

/** The options of a mount's kind; what has no counterpart and would be missed is reported. */
function settingsOf(
	{ problems }: ModuleScope,
	members: ReadonlyMap<string, JsonValue>,
	path: string,
): ReadonlyMap<string, JsonValue> {
	const settings = new Map<string, JsonValue>();
	for (const [group, names] of Object.entries(mountSettings)) {
		const object = members.get(group);
		if (!isJsonObject(object)) continue;
		const place = memberPath(path, group);
		const code = 'EDGE_CREATE_OPTION_UNKNOWN';
		for (const [name, value] of foldedMembers(object, names, place, problems, code)) {
			settings.set(name, value);
		}
	}
	if (asksForDriver(settings.get('DriverConfig'))) {
		const message = 'The driver of the volume is left out; its claim gets a storage class.';
		const remedy = 'Choose one with k8s-extensions.storage, or bind to an existing volume.';
		problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', path, message, remedy);
	}
	return settings;
}

/** Docker's own driver without options is a plain folder. */
function asksForDriver(config: JsonValue | undefined): boolean {
	const name = jsonText(memberOf(config, 'Name') ?? '');
	const options = memberOf(config, 'Options');
	return !['', 'local'].includes(name) || Object.keys(options ?? {}).length > 0;
}

type Place = Pick<MountRequest, 'target' | 'readOnly' | 'path' | 'propagation'>;

function mountFrom(
	scope: ModuleScope,
	type: 'bind' | 'volume',
	source: string,
	place: Place,
	settings: ReadonlyMap<string, JsonValue>,
): MountRequest | undefined {
	if (type === 'bind') {
		const propagation = propagationOf(scope, settings.get('Propagation'), place.path);
		if (source === '') {
			scope.problems.refuse(invalid, place.path, 'A mount of type bind needs a Source.');
			return undefined;
		}
		return hostMount(scope, source, {
			...place,
			...(propagation !== undefined && { propagation }),
		});
	}
	if (source === '') return placed(scope, { kind: 'scratch', ...place });
	const subPath = settings.get('Subpath');
	if (
		typeof subPath === 'string' &&
		(subPath.startsWith('/') || /(^|\/)\.\.(\/|$)/.test(subPath))
	) {
		scope.problems.refuse(invalid, place.path, 'A Subpath is a path within the volume.');
		return undefined;
	}
	return claimMount(scope, source, {
		...place,
		...(typeof subPath === 'string' && { subPath }),
	});
}

/** A bind's source: a name is a volume, a path is the host's. */
function fromSource(scope: ModuleScope, source: string, place: Place): MountRequest | undefined {
	return /^[./~]|\\|^[A-Za-z]:/.test(source)
		? hostMount(scope, source, place)
		: claimMount(scope, source, place);
}

function claimMount(
	scope: ModuleScope,
	volume: string,
	place: Place & { readonly subPath?: string },
): MountRequest | undefined {
	if (volumeName.test(volume)) return placed(scope, { kind: 'claim', volume, ...place });
	const hint = /[$<{]/.test(volume) ? ' An unresolved placeholder?' : '';
	const message = `"${volume.slice(0, 80)}" is neither a path nor the name of a volume.${hint}`;
	scope.problems.refuse(invalid, place.path, message);
	return undefined;
}

function hostMount(scope: ModuleScope, source: string, place: Place): MountRequest | undefined {
	const verdict = judgeHostPath(source, scope.policy);
	if (verdict.allowed) {
		return placed(scope, { kind: 'host', hostPath: verdict.path, ...place });
	}
	if (verdict.reason === 'impossible') {
		scope.problems.refuse('EDGE_CREATE_OPTION_REFUSED', place.path, verdict.message);
	} else {
		const remedy = 'Use a named volume, or let the operator allow the path.';
		scope.problems.refuse('EDGE_POLICY_DENIED', place.path, verdict.message, remedy);
	}
	return undefined;
}

function readTmpfs(
	scope: ModuleScope,
	[target, { value, path }]: [string, Placed<JsonValue>],
): MountRequest | undefined {
	const options = jsonText(value ?? '').split(',');
	const size = options.map((option) => /^size=(.+)$/.exec(option)?.[1]).find(Boolean);
	const bytes = size === undefined ? undefined : bytesOf(size);
	const request = { kind: 'memory', target, readOnly: options.includes('ro'), path } as const;
	return placed(scope, bytes === undefined ? request : { ...request, bytes });
}

/** Shared memory of its own, unless the module shares the host's: that has the host's size, as with Docker. */
function readSharedMemory(scope: ModuleScope): MountRequest | undefined {
	const bytes = scope.options.integer('HostConfig.ShmSize');
	const isHosts = /^\s*host\s*$/i.test(scope.options.string('HostConfig.IpcMode') ?? '');
	if (bytes === undefined || bytes <= 0 || isHosts) return undefined;
	const path = scope.options.pathOf('HostConfig.ShmSize');
	return { kind: 'memory', target: '/dev/shm', readOnly: false, path, bytes };
}

/** A request with a proper target; reports one without. */
function placed(scope: ModuleScope, request: MountRequest): MountRequest | undefined {
	const target = request.target.trim().replace(/(?<=.)\/+$/, '');
	if (
		target.startsWith('/') &&
		target !== '/' &&
		!/[:\0]/.test(target) &&
		!target.split('/').includes('..')
	) {
		return { ...request, target };
	}
	const message = `"${target.slice(0, 80)}" is no folder that a volume can be mounted at.`;
	scope.problems.refuse(invalid, request.path, message, 'Give an absolute path of the container.');
	return undefined;
}

function propagationOf(
	{ options, policy, problems }: ModuleScope,
	mode: JsonValue | undefined,
	path: string,
): string | undefined {
	const [, name] = /(shared|slave)/.exec(jsonText(mode)) ?? [];
	if (name === undefined) return undefined;
	if (name === 'slave') return 'HostToContainer';
	if (policy.allowPrivileged && options.boolean('HostConfig.Privileged')) return 'Bidirectional';
	const message = 'Only mounts of a privileged module are seen by the host; others see the host’s.';
	problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', path, message);
	return 'HostToContainer';
}

/** Docker's sizes: `64m`, `1g`, `1048576`, `50%` (of memory; no counterpart). */
function bytesOf(size: string): number | undefined {
	const [, number, unit = ''] = /^(\d+)([kmg]?)b?$/i.exec(size.trim()) ?? [];
	if (number === undefined) return undefined;
	const factor = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[unit.toLowerCase()] ?? 1;
	return Number(number) * factor;
}

function isTrue(value: JsonValue | undefined): boolean {
	return jsonText(value).toLowerCase() === 'true';
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
	if (!isJsonObject(value)) return undefined;
	const found = Object.entries(value as JsonObject).find(
		([key]) => key.toLowerCase() === name.toLowerCase(),
	);
	return found?.[1];
}
