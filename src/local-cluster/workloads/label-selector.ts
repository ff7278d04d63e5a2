/** `spec.selector` of a workload. */
export type LabelSelector = {
	matchLabels?: Record<string, string>;
	matchExpressions?: { key: string; operator: string; values?: string[] }[];
};

/** Whether labels fit a selector. An empty selector fits everything, as in Kubernetes. */
export function matchesSelector(
	selector: LabelSelector,
	labels: Readonly<Record<string, string>> = {},
): boolean {
	const { matchLabels = {}, matchExpressions = [] } = selector;
	return (
		Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
		matchExpressions.every((expression) => matchesRequirement(expression, labels))
	);
}

/** One requirement of a label selector or of a node selector term. */
export function matchesRequirement(
	requirement: { key: string; operator: string; values?: string[] },
	labels: Readonly<Record<string, string>>,
): boolean {
	const { key, operator, values = [] } = requirement;
	const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
	switch (operator) {
		case 'In':
			return value !== undefined && values.includes(value);
		case 'NotIn':
			return value === undefined || !values.includes(value);
		case 'Exists':
			return value !== undefined;
		case 'DoesNotExist':
			return value === undefined;
		case 'Gt':
			return Number(value) > Number(values[0]);
		case 'Lt':
			return Number(value) < Number(values[0]);
		default:
			return false;
	}
}
