import { parse } from 'yaml';
import type { Problem } from '../../manifest/problem.ts';
import { schemaProblems } from '../../manifest/schema-problems.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import { compileTemplate, type Template, type TemplateFault } from './payload-template.ts';

/** Devices that behave alike. */
export interface Fleet {
	readonly deviceIds: readonly string[];
	/** Milliseconds between two messages of one device. */
	readonly interval: number;
	readonly payload: Template;
	readonly properties: Template;
	readonly reported: Template | undefined;
	/** By the name of the direct method. */
	readonly methods: ReadonlyMap<string, { readonly status: number; readonly payload: Template }>;
}

/** The fleets of a file, or everything that is wrong with it. */
export type FleetResult =
	| { readonly fleets: readonly Fleet[]; readonly problems?: never }
	| { readonly fleets?: never; readonly problems: readonly Problem[] };

const maxDevices = 100_000;

const fleetSchema = {
	type: 'object',
	required: ['fleets'],
	additionalProperties: false,
	properties: {
		fleets: {
			type: 'array',
			minItems: 1,
			items: {
				type: 'object',
				required: ['id', 'payload'],
				additionalProperties: false,
				properties: {
					count: { type: 'integer', minimum: 1, maximum: maxDevices },
					id: { type: 'string', minLength: 1 },
					rate: { type: 'number', exclusiveMinimum: 0, maximum: 1000 },
					payload: {},
					properties: { type: 'object' },
					reported: { type: 'object' },
					methods: {
						type: 'object',
						additionalProperties: {
							type: 'object',
							additionalProperties: false,
							properties: { status: { type: 'integer' }, payload: {} },
						},
					},
				},
			},
		},
	},
};

interface AuthoredFleet {
	readonly count?: number;
	readonly id: string;
	readonly rate?: number;
	readonly payload: JsonValue;
	readonly properties?: JsonObject;
	readonly reported?: JsonObject;
	readonly methods?: Readonly<Record<string, { status?: number; payload?: JsonValue }>>;
}

const validate = schemaProblems(fleetSchema);

/** Reads a file of fleets, JSON or YAML, all problems together. */
export function readFleets(text: string): FleetResult {
	let document: unknown;
	try {
		document = parse(text);
	} catch (error) {
		return { problems: [problem('$', `It is neither JSON nor YAML: ${messageOf(error)}`)] };
	}
	if (!isJsonObject(document)) return { problems: [problem('$', 'An object is needed.')] };
	const problems = validate(document, '$').map(strict);
	if (problems.length > 0) return { problems };
	const faults: TemplateFault[] = [];
	const authored = document['fleets'] as unknown as AuthoredFleet[];
	const fleets = authored.map((fleet, index) => compile(fleet, `$.fleets[${index}]`, faults));
	faults.push(...repeated(fleets));
	if (faults.length === 0) return { fleets };
	return { problems: faults.map(({ path, message }) => problem(path, message)) };
}

/** Nothing here is ignored that the runtime of an edge would ignore. */
function strict(found: Problem): Problem {
	const path = found.path.replace(/\["(\d+)"\]/g, '[$1]');
	if (found.code !== 'EDGE_MANIFEST_MEMBER_UNKNOWN') {
		return { ...found, path, code: 'EDGE_FLEET_INVALID' };
	}
	const { remedy = '' } = found;
	return { ...problem(path, 'There is no such member.'), remedy };
}

function problem(path: string, message: string): Problem {
	return { severity: 'error', code: 'EDGE_FLEET_INVALID', path, message };
}

function compile(fleet: AuthoredFleet, path: string, faults: TemplateFault[]): Fleet {
	const { count = 1, rate = 1, properties = {}, reported, methods = {} } = fleet;
	const answers = Object.entries(methods).map(([name, { status = 200, payload = null }]) => {
		const template = compileTemplate(payload, `${path}.methods.${name}.payload`, faults);
		return [name, { status, payload: template }] as const;
	});
	return {
		deviceIds: deviceIds(fleet.id, count, path, faults),
		interval: 1000 / rate,
		payload: compileTemplate(fleet.payload, `${path}.payload`, faults),
		properties: compileTemplate(properties, `${path}.properties`, faults),
		reported:
			reported === undefined ? undefined : compileTemplate(reported, `${path}.reported`, faults),
		methods: new Map(answers),
	};
}

function deviceIds(id: string, count: number, path: string, faults: TemplateFault[]): string[] {
	const template = compileTemplate(id, `${path}.id`, faults);
	if (count > 1 && !id.includes('${index')) {
		const message = `The id of more than one device needs \${index}.`;
		faults.push({ path: `${path}.id`, message });
	}
	return Array.from({ length: count }, (_, position) =>
		String(
			template({ deviceId: '', index: position + 1, sequence: 0, now: 0, random: Math.random }),
		),
	);
}

function repeated(fleets: readonly Fleet[]): TemplateFault[] {
	const seen = new Set<string>();
	for (const [index, { deviceIds: ids }] of fleets.entries()) {
		for (const id of ids) {
			if (seen.has(id)) {
				return [{ path: `$.fleets[${index}].id`, message: `There are two devices "${id}".` }];
			}
			seen.add(id);
		}
	}
	return [];
}
