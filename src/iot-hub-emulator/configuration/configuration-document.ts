import type { Hub } from '../hub.ts';
import { queryRows } from '../query/query-collections.ts';
import { parseQuery } from '../query/query-parser.ts';
import { runQuery } from '../query/run-query.ts';
import { type Configuration, kindOf } from './configuration.ts';
import type { ConfigurationKind } from './target-condition.ts';
import { targetQuery } from './target-condition.ts';

/** A configuration as the service's REST interface shows it, metrics counted now. */
export function configurationDocument(hub: Hub, configuration: Configuration) {
	const { content, metrics, targetCondition, id, ...rest } = configuration;
	const kind = kindOf(content);
	const queries = systemQueries(id, kind, targetCondition);
	return {
		id,
		...rest,
		content,
		targetCondition,
		systemMetrics: { results: resultsOf(hub, queries), queries },
		metrics: { results: resultsOf(hub, metrics.queries), queries: metrics.queries },
	};
}

/** The queries behind the system metrics (IoT Edge documentation, "Monitor deployments"). */
function systemQueries(
	id: string,
	kind: ConfigurationKind,
	targetCondition: string,
): Record<string, string> {
	const applied = `configurations.[[${id}]].status = 'Applied'`;
	const targets: Record<string, string> =
		targetCondition === '' ? {} : { targetedCount: targetQuery(targetCondition, kind) };
	if (kind !== 'modulesContent') {
		const from = kind === 'moduleContent' ? 'devices.modules' : 'devices';
		return { ...targets, appliedCount: `SELECT deviceId FROM ${from} WHERE ${applied}` };
	}
	const agents = `SELECT deviceId FROM devices.modules WHERE moduleId = '$edgeAgent' AND ${applied}`;
	const reported = `${agents} AND properties.desired.$version = properties.reported.lastDesiredVersion AND properties.reported.lastDesiredStatus.code`;
	return {
		...targets,
		appliedCount: agents,
		reportedSuccessfulCount: `${reported} = 200`,
		reportedFailedCount: `${reported} != 200`,
	};
}

function resultsOf(hub: Hub, queries: Readonly<Record<string, string>>): Record<string, number> {
	const counted = Object.entries(queries).map(([name, text]) => {
		const query = parseQuery(text);
		let count = 0;
		for (const _ of runQuery(query, queryRows(hub, query.from))) count += 1;
		return [name, count] as const;
	});
	return Object.fromEntries(counted);
}
