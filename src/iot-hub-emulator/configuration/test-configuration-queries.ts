import type { JsonObject } from '../../runtime/json.ts';
import { asIotHubError } from '../iot-hub-error.ts';
import { parseQuery } from '../query/query-parser.ts';
import { textsOf } from './configuration.ts';
import { parseTargetCondition } from './target-condition.ts';

/**
 * Says what is wrong with the condition and queries of a configuration that is yet to be made: the
 * answer to `POST /configurations/testQueries`. Null is nothing.
 *
 * @throws IotHubError ArgumentInvalid where they are no texts
 */
export function testConfigurationQueries(body: JsonObject) {
	const condition = String(body['targetCondition'] ?? '').trim();
	const queries = textsOf(body['customMetricQueries'], 'customMetricQueries');
	const kind = /^from\s/i.test(condition) ? 'moduleContent' : 'deviceContent';
	return {
		targetConditionError:
			condition === '' ? null : faultOf(() => parseTargetCondition(condition, kind)),
		customMetricQueryErrors: Object.fromEntries(
			Object.entries(queries).map(([name, query]) => [name, faultOf(() => parseQuery(query))]),
		),
	};
}

function faultOf(parse: () => unknown): string | null {
	try {
		parse();
		return null;
	} catch (error) {
		return asIotHubError(error).message;
	}
}
