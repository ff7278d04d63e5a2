import { IotHubError } from '../iot-hub-error.ts';
import { parseCondition, parseQuery } from '../query/query-parser.ts';
import type { Expression } from '../query/query-syntax.ts';

/** What a configuration is for: IoT Edge devices, devices, or modules. */
export type ConfigurationKind = 'modulesContent' | 'deviceContent' | 'moduleContent';

const always: Expression = { kind: 'literal', value: true };

/**
 * Reads a target condition: what stands behind `WHERE`, or `*` for all; for modules the whole of
 * `FROM devices.modules WHERE …` (IoT Hub documentation, "Automatic module management").
 *
 * @throws IotHubError ArgumentInvalid
 */
export function parseTargetCondition(condition: string, kind: ConfigurationKind): Expression {
	if (kind !== 'moduleContent') {
		return condition === '*' ? always : parseCondition(condition, 'devices');
	}
	if (!/^from\s/i.test(condition)) {
		throw new IotHubError(
			'ArgumentInvalid',
			'The target condition for modules does not begin with FROM devices.modules.',
		);
	}
	const query = parseQuery(`SELECT * ${condition}`);
	if (query.from === 'devices.modules') return query.where ?? always;
	throw new IotHubError('ArgumentInvalid', 'The target condition does not name devices.modules.');
}

/** The same condition as a query for those that match it. */
export function targetQuery(condition: string, kind: ConfigurationKind): string {
	if (kind === 'moduleContent') return `SELECT deviceId, moduleId ${condition}`;
	const edge = kind === 'modulesContent' ? ['capabilities.iotEdge = true'] : [];
	const conditions = [...edge, ...(condition === '*' ? [] : [`(${condition})`])];
	const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
	return `SELECT deviceId FROM devices${where}`;
}
