import type { JsonObject, JsonValue } from '../runtime/json.ts';
import { compileBodyQuery, findInBody, findInTwin } from './body-query.ts';
import type { Compatibility } from './compatibility.ts';
import type { BinaryOperator, Expression } from './expression.ts';
import { iotHubFunctions, type RouteFunction, routeFunctions } from './functions.ts';
import type { MessageRead } from './message-read.ts';
import { type MessageScope, propertyName } from './message-scope.ts';
import { compileBinary, compileUnary } from './operators.ts';
import type { RouteProblems } from './route-problem.ts';
import type { Evaluate, StaticType, Typed, Value } from './static-type.ts';
import { compileTwinChangeIncludes, twinChangeFunction } from './twin-change.ts';

type Of<Kind extends Expression['kind']> = Extract<Expression, { kind: Kind }>;

const invalid: Typed = { type: 'invalid', evaluate: () => undefined };

/** Texts that are dates, not strings, to Azure IoT Edge; conditions cannot compute with dates. */
const dateTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?$/;

/**
 * Whose conditions they are. Those of IoT Hub's message routing can also look at the sender's twin and
 * know more type checks, and a name with a dollar sign is first looked for among system properties
 * (IoT Hub documentation, "Message routing query syntax").
 */
export type Dialect = 'edge-hub' | 'iot-hub';

export interface ConditionContext {
	readonly compatibility: Compatibility;
	readonly dialect?: Dialect;
	/** Whether the condition is for changes of twins only. */
	readonly twinChanges: boolean;
}

/**
 * Checks the types of a condition and turns it into functions. Every problem is recorded; the type
 * of an expression with a problem is `invalid`.
 */
export class ConditionCompiler {
	readonly #problems: RouteProblems;
	readonly #compatibility: Compatibility;
	readonly #ofIotHub: boolean;
	readonly #twinChanges: boolean;
	readonly #reads = new Map<string, MessageRead>();

	constructor(problems: RouteProblems, context: ConditionContext) {
		this.#problems = problems;
		this.#compatibility = context.compatibility;
		this.#ofIotHub = context.dialect === 'iot-hub';
		this.#twinChanges = context.twinChanges;
	}

	/** What the conditions compiled so far look at, in the order of the text. */
	get reads(): readonly MessageRead[] {
		return [...this.#reads.values()];
	}

	compile(expression: Expression): Typed {
		switch (expression.kind) {
			case 'literal':
				return { type: literalType(expression.value), evaluate: () => expression.value };
			case 'property':
				this.#read('property', expression.name);
				return applicationProperty(expression.name);
			case 'system-property':
				return this.#systemProperty(expression);
			case 'unary':
				return this.#unary(expression);
			case 'binary':
				return this.#binary(expression);
			case 'call':
				return this.#call(expression);
		}
	}

	#unary({ operator, operand, at }: Of<'unary'>): Typed {
		const compiled = this.compile(operand);
		if (compiled.type === 'invalid') return invalid;
		const result = compileUnary(operator, compiled);
		if (!('expected' in result)) return result;
		const binds = operator === 'not' ? ' It binds more tightly than = and <.' : '';
		const have = `but has ${compiled.type}.${binds}`;
		const message = `Operator '${operator}' needs ${result.expected}, ${have}`;
		this.#problems.add('type', at, message);
		return invalid;
	}

	#binary({ operator, left, right, at }: Of<'binary'>): Typed {
		const first = this.compile(left);
		const second = this.compile(right);
		if (first.type === 'invalid' || second.type === 'invalid') return invalid;
		const result = compileBinary(operator, first, second, this.#compatibility);
		if (!('expected' in result)) return result;
		const have = `${first.type} and ${second.type}`;
		this.#problems.add(
			'type',
			at,
			`Operator '${operator}' needs ${result.expected}, but has ${have}.${hint(operator, first, second)}`,
		);
		return invalid;
	}

	#call(call: Of<'call'>): Typed {
		const { name, arguments: given, at } = call;
		if (name.toLowerCase() === twinChangeFunction) return this.#twinChange(call);
		const operands = given.map((argument) => this.compile(argument));
		const called =
			routeFunctions.get(name.toLowerCase()) ??
			(this.#ofIotHub ? iotHubFunctions.get(name.toLowerCase()) : undefined);
		if (called === undefined) {
			this.#problems.add('type', at, `There is no function '${name}'.`);
			return invalid;
		}
		if (operands.some(({ type }) => type === 'invalid')) return invalid;
		if (!accepts(called, operands)) {
			const types = operands.map(({ type }) => type).join(', ');
			const message = `Function '${name}' takes (${signature(called)}), not (${types}).`;
			this.#problems.add('type', at, message);
			return invalid;
		}
		return { type: called.type, evaluate: called.compile(operands, this.#compatibility) };
	}

	#twinChange({ name, arguments: given, at }: Of<'call'>): Typed {
		if (!this.#twinChanges) {
			const message = `Function '${name}' is only there in routes from ${this.#ofIotHub ? 'TwinChangeEvents' : '/twinChangeNotifications'}.`;
			this.#problems.add('type', at, message);
			return invalid;
		}
		const evaluate = compileTwinChangeIncludes(given);
		if (evaluate === undefined) {
			const message = `Function '${name}' takes a path such as properties.reported.temperature.`;
			this.#problems.add('type', at, message);
			return invalid;
		}
		this.#read('body', '$body');
		return { type: 'bool', evaluate };
	}

	#read(kind: MessageRead['kind'], name: string): void {
		this.#reads.set(name, { kind, name });
	}

	/** `$name`: an application property of that very name, else the body or a system property. */
	#systemProperty(expression: Of<'system-property'>): Typed {
		const { name, escaped } = expression;
		const place = this.#documentOf(name);
		if (place !== undefined) return this.#documentQuery(expression, place);
		if (name.includes('[') || name.includes(']')) {
			return { type: 'undefined', evaluate: () => undefined };
		}
		this.#read('system-property', `$${name}`);
		const system = propertyName(name);
		if (escaped) return { type: 'string', evaluate: (scope) => scope.systemProperty(system) };
		const application = propertyName(`$${name}`);
		const evaluate: Evaluate = this.#ofIotHub
			? (scope) => firstOf(scope.systemProperty(system), () => scope.property(application))
			: (scope) => firstOf(scope.property(application), () => scope.systemProperty(system));
		return { type: 'string', evaluate };
	}

	/** The document that a name leads into, as `body.` and `twin.` do, and the path within. */
	#documentOf(name: string): DocumentPlace | undefined {
		const lowerCase = name.toLowerCase();
		if (lowerCase.startsWith('body.')) {
			return { kind: 'body', path: name.slice(5), documentOf: ({ body }) => body };
		}
		if (!this.#ofIotHub || !lowerCase.startsWith('twin.')) return undefined;
		return { kind: 'twin', path: name.slice(5), documentOf: ({ twin }) => twin };
	}

	#documentQuery(
		expression: Of<'system-property'>,
		{ kind, path, documentOf }: DocumentPlace,
	): Typed {
		const query = compileBodyQuery(path);
		if ('fault' in query) {
			const message = `The ${kind} query '$${expression.name}' cannot be used: ${query.fault}.`;
			this.#problems.add('type', expression, message);
			return invalid;
		}
		this.#read(kind, `$${expression.name}`);
		const find = kind === 'twin' ? findInTwin : findInBody;
		const found = (scope: MessageScope) => {
			const document = documentOf(scope);
			return document === undefined ? undefined : find(document, query);
		};
		const azure = this.#compatibility === 'azure';
		const inDocument: Evaluate = (scope) => {
			const value = found(scope);
			if (!azure || value !== undefined) return scalarOf(value);
			return documentOf(scope) === undefined ? undefined : null;
		};
		if (expression.escaped) return { type: 'dynamic', evaluate: inDocument, query: { found } };
		const application = propertyName(`$${expression.name}`);
		const evaluate: Evaluate = (scope) =>
			firstOf(scope.property(application), () => inDocument(scope));
		return { type: 'dynamic', evaluate, query: { found } };
	}
}

/** A JSON document that conditions look into, and where. */
interface DocumentPlace {
	readonly kind: 'body' | 'twin';
	readonly path: string;
	readonly documentOf: (scope: MessageScope) => JsonObject | undefined;
}

function firstOf(value: Value, otherwise: () => Value): Value {
	return value === undefined ? otherwise() : value;
}

function applicationProperty(written: string): Typed {
	const name = propertyName(written);
	return { type: 'string', evaluate: (scope) => scope.property(name) };
}

function literalType(value: Value): StaticType {
	if (value === null) return 'null';
	const type = typeof value;
	return type === 'boolean' ? 'bool' : (type as StaticType);
}

/** Objects, arrays and dates cannot be computed with. */
function scalarOf(value: JsonValue | undefined): Value {
	if (typeof value === 'string') return dateTime.test(value) ? undefined : value;
	return typeof value === 'object' && value !== null ? undefined : value;
}

function accepts(called: RouteFunction, operands: readonly Typed[]): boolean {
	const { parameters, optional = 0, variadic = false } = called;
	if (operands.length < parameters.length - optional) return false;
	if (operands.length > parameters.length && !variadic) return false;
	return operands.every(({ type }, index) => {
		const parameter = parameters[Math.min(index, parameters.length - 1)];
		return parameter?.includes(type) ?? false;
	});
}

/** E.g. `string, number[, number]`. */
function signature({ parameters, optional = 0, variadic = false }: RouteFunction): string {
	const names = parameters.map((types) => (types.length > 3 ? 'any' : types[0]));
	const required = names.slice(0, names.length - optional).join(', ');
	const rest = names.slice(names.length - optional).map((name) => `[, ${name}]`);
	return `${required}${rest.join('')}${variadic ? ', …' : ''}`;
}

function hint(operator: BinaryOperator, left: Typed, right: Typed): string {
	const types = [left.type, right.type];
	if (operator === '||' && types.includes('bool')) return ' Conditions are joined by OR.';
	if (types.includes('string') && types.includes('number')) {
		return ' Properties are strings: use as_number(property).';
	}
	if (right.type === 'dynamic') return ' Compare the body value, e.g. with = true.';
	if (types.includes('string') && types.includes('null')) return ' Use is_null(property).';
	return '';
}
