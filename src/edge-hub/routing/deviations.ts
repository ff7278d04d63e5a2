/** A place where the route language differs from Azure IoT Edge's, on purpose. */
export interface Deviation {
	readonly id: string;
	/** What Azure IoT Edge does. */
	readonly azure: string;
	/** What this hub does. */
	readonly standard: string;
	readonly reason: string;
	/** Whether the compatibility mode `azure` brings the old behaviour back. */
	readonly restorable: boolean;
}

/** The page about routes is made from this table. */
export const deviations: readonly Deviation[] = [
	{
		id: 'trailing-text',
		azure: 'Text behind the sink, or behind a complete condition, is ignored.',
		standard: 'It is an error.',
		reason: 'A forgotten operator silently cuts a condition short, and messages go astray.',
		restorable: true,
	},
	{
		id: 'comment-in-source',
		azure: 'The `/*` of a source begins a comment that swallows everything up to the next `*/`.',
		standard: 'A source contains no comments; `/*` is a wildcard.',
		reason: 'A later comment makes the route lose its WHERE.',
		restorable: true,
	},
	{
		id: 'body-member-missing',
		azure: 'A member that the body lacks is null: `is_defined` is true, `> 1` is true.',
		standard: 'It is undefined, like a missing property.',
		reason: 'Messages without the member would be routed as if it were large.',
		restorable: true,
	},
	{
		id: 'body-null-order',
		azure: 'JSON null is greater than any number or string.',
		standard: 'To order null and anything else gives undefined; `=` and `!=` work.',
		reason: 'The same as for missing members.',
		restorable: true,
	},
	{
		id: 'body-is-null',
		azure: '`is_null` of a body value is true for every number, string and truth value.',
		standard: 'It is true for JSON null only.',
		reason: 'The function tells the opposite of its name.',
		restorable: true,
	},
	{
		id: 'bare-exponent',
		azure: 'A word such as `e5` is a number without digits, whose value is undefined.',
		standard: 'It is the name of a property.',
		reason: 'A property of that name could not be used.',
		restorable: true,
	},
	{
		id: 'late-type-errors',
		azure: 'A type error in WHERE is found after the configuration was reported as applied.',
		standard: 'It fails the configuration, which is reported with code 400.',
		reason: 'The twin says 200 while the old routes stay in use.',
		restorable: false,
	},
	{
		id: 'compiler-faults',
		azure:
			'`%` and unary minus of a body value, and `null` joined with `undefined` by AND or OR, crash the compiler.',
		standard: 'They are type errors.',
		reason: 'The author learns what is wrong, and where.',
		restorable: false,
	},
	{
		id: 'body-query-tail',
		azure: 'Only the beginning of a body query is checked: `$body.a[0]x` compiles.',
		standard: 'The whole query is checked; chained indexes, `$body.a[0][1]`, are allowed.',
		reason: 'A query that can never find anything is a mistake.',
		restorable: false,
	},
	{
		id: 'twin-change-body',
		azure:
			'A change of a twin does not say that its body is JSON, so that `$body` is undefined in every route from `/twinChangeNotifications`.',
		standard:
			'It says so: `$body.temperature` is the changed reported property of that name, and modules and IoT Hub see the content type.',
		reason: 'Routes of twin changes could not tell one change from another.',
		restorable: false,
	},
	{
		id: 'twin-change-includes',
		azure: '`twin_change_includes` is known to the library, and refused in every route.',
		standard:
			'Routes from `/twinChangeNotifications` may use it: `twin_change_includes(properties.reported.temperature)`.',
		reason: 'It is the function that IoT Hub has for such routes.',
		restorable: false,
	},
	{
		id: 'edge-message-id',
		azure: 'Each message has the system property `$edgeMessageId`, an id that the hub makes up.',
		standard: 'There is none: `$edgeMessageId` is undefined.',
		reason: 'It leaves the hub nowhere, and no route could make use of it.',
		restorable: false,
	},
	{
		id: 'error-words',
		azure:
			'Errors have words of their own (`Syntax error.`), and some texts of bad grammar give several.',
		standard:
			'An error says what is there and what was expected; the first fault of grammar of a route is reported, and all errors of type.',
		reason: 'What follows the first fault of grammar are guesses.',
		restorable: false,
	},
	{
		id: 'nesting-limit',
		azure: 'Conditions may be nested until the stack is exhausted.',
		standard: 'Beyond 200 levels of parentheses or 1000 joined operators they are an error.',
		reason: 'The text of a route must not be able to end the process.',
		restorable: false,
	},
];
