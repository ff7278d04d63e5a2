import { messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import { IotHubError, type IotHubErrorCode } from '../iot-hub-error.ts';
import { parseQuery } from '../query/query-parser.ts';
import { type DesiredSection, desiredSectionsFrom } from './desired-section.ts';
import { type ConfigurationKind, parseTargetCondition } from './target-condition.ts';

/** An automatic deployment or automatic device configuration, as it is kept. */
export interface Configuration {
	readonly id: string;
	readonly schemaVersion: string;
	readonly labels: Readonly<Record<string, string>>;
	readonly content: JsonObject;
	readonly targetCondition: string;
	readonly priority: number;
	readonly metrics: { readonly queries: Readonly<Record<string, string>> };
	/** ISO 8601. */
	readonly createdTimeUtc: string;
	readonly lastUpdatedTimeUtc: string;
	readonly etag: string;
}

/** The members that a client sets. */
export type ConfigurationBody = Omit<
	Configuration,
	'createdTimeUtc' | 'lastUpdatedTimeUtc' | 'etag'
>;

const kinds: readonly ConfigurationKind[] = ['modulesContent', 'deviceContent', 'moduleContent'];

/** Custom metrics of a configuration (IoT Hub documentation, "Automatic device management"). */
const maxMetrics = 5;

/**
 * Reads the body of `PUT /configurations/{id}`.
 *
 * @throws IotHubError ArgumentInvalid, InvalidConfigurationContent,
 * InvalidConfigurationTargetCondition, InvalidConfigurationCustomMetricsQuery
 */
export function configurationBodyFrom(id: string, body: unknown): ConfigurationBody {
	if (!/^[a-z0-9\-+%_*!']{1,128}$/.test(id)) {
		throw invalid("the id is not 1 to 128 lower-case letters, digits and -+%_*!'");
	}
	if (!isJsonObject(body)) throw invalid('the body is not a JSON object');
	if ((body['id'] ?? id) !== id) throw invalid('id of the body differs from the one in the path');
	const { content, priority = 0 } = body;
	if (!isJsonObject(content)) throw invalidContent('content is not an object');
	if (!Number.isInteger(priority) || (priority as number) < 0) {
		throw invalid('priority is not a whole number from 0 on');
	}
	const kind = kindOf(content);
	contentOf(content);
	const targetCondition = textOf(body, 'targetCondition');
	if (targetCondition !== '') {
		refusing('InvalidConfigurationTargetCondition', () =>
			parseTargetCondition(targetCondition, kind),
		);
	}
	return {
		id,
		schemaVersion: textOf(body, 'schemaVersion') || '1.0',
		labels: textsOf(body['labels'], 'labels'),
		// Clients send back what they have read, other kinds as null.
		content: { [kind]: content[kind] },
		targetCondition,
		priority: priority as number,
		metrics: { queries: metricQueriesFrom(body['metrics']) },
	};
}

/** @throws IotHubError InvalidConfigurationContent for content that is not exactly one of the kinds */
export function kindOf(content: JsonObject): ConfigurationKind {
	const given = kinds.filter((kind) => content[kind] !== undefined && content[kind] !== null);
	const [kind] = given;
	if (kind === undefined || given.length > 1) {
		throw invalidContent(`content does not have exactly one of ${kinds.join(', ')}`);
	}
	return kind;
}

/**
 * Content by the module that it is for; content for devices and modules that match stands under the
 * empty name.
 *
 * @throws IotHubError InvalidConfigurationContent
 */
export function contentOf(content: JsonObject): Map<string, DesiredSection[]> {
	const kind = kindOf(content);
	const given = content[kind];
	if (!isJsonObject(given)) throw invalidContent(`content.${kind} is not an object`);
	if (kind !== 'modulesContent') return new Map([['', desiredSectionsFrom(kind, given)]]);
	return new Map(
		Object.entries(given).map(([moduleId, part]) => [
			moduleId,
			desiredSectionsFrom(`${kind}.${moduleId}`, part),
		]),
	);
}

/** @throws IotHubError ArgumentInvalid */
export function textsOf(value: unknown, what: string): Record<string, string> {
	const object = value ?? {};
	if (!isJsonObject(object)) throw invalid(`${what} is not an object`);
	const entries = Object.entries(object).map(([name, text]) => {
		if (typeof text !== 'string') throw invalid(`${what}.${name} is not a string`);
		return [name, text] as const;
	});
	return Object.fromEntries(entries);
}

function metricQueriesFrom(metrics: unknown): Record<string, string> {
	const object = metrics ?? {};
	if (!isJsonObject(object)) throw invalid('metrics is not an object');
	const queries = textsOf(object['queries'], 'metrics.queries');
	if (Object.keys(queries).length > maxMetrics) {
		throw invalid(`metrics has more than ${maxMetrics} queries`);
	}
	for (const query of Object.values(queries)) {
		refusing('InvalidConfigurationCustomMetricsQuery', () => parseQuery(query));
	}
	return queries;
}

function textOf(body: JsonObject, member: string): string {
	const value = body[member] ?? '';
	if (typeof value !== 'string') throw invalid(`${member} is not a string`);
	return value.trim();
}

/** Gives what is wrong with a query the name that IoT Hub has for it in this place. */
function refusing(code: IotHubErrorCode, parse: () => unknown): void {
	try {
		parse();
	} catch (error) {
		throw new IotHubError(code, messageOf(error));
	}
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', `Invalid configuration: ${message}.`);
}

function invalidContent(message: string): IotHubError {
	return new IotHubError('InvalidConfigurationContent', `Invalid configuration: ${message}.`);
}
