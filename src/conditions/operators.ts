import { compileComparison, isComparison } from './comparison.ts';
import type { Compatibility } from './compatibility.ts';
import type { BinaryOperator } from './expression.ts';
import {
	type Evaluate,
	numberOf,
	type StaticType,
	stringOf,
	type Typed,
	truthOf,
} from './static-type.ts';

/** Operands that an operator does not take. */
export interface OperandFault {
	/** The types that it takes, for a problem's message. */
	readonly expected: string;
}

const arithmetic: Readonly<Record<string, (left: number, right: number) => number>> = {
	'+': (left, right) => left + right,
	'-': (left, right) => left - right,
	'*': (left, right) => left * right,
	'/': (left, right) => left / right,
	'%': (left, right) => left % right,
};

/** Joins two operands; both are valid themselves. */
export function compileBinary(
	operator: BinaryOperator,
	left: Typed,
	right: Typed,
	compatibility: Compatibility,
): Typed | OperandFault {
	if (isComparison(operator)) {
		if (!sameType(left, right)) return { expected: 'both of one type' };
		return { type: 'bool', evaluate: compileComparison(operator, left, right, compatibility) };
	}
	if (operator === 'and' || operator === 'or') return compileLogic(operator, left, right);
	if (operator === '??') return compileCoalesce(left, right);
	if (operator === '||') return compileConcatenation(left, right);
	return compileArithmetic(operator, left, right);
}

export function compileUnary(operator: '-' | 'not', operand: Typed): Typed | OperandFault {
	if (operator === '-') {
		if (operand.type !== 'number') return { expected: 'number' };
		const value = numberOf(operand);
		return { type: 'number', evaluate: (scope) => -value(scope) };
	}
	if (!['bool', 'null', 'dynamic'].includes(operand.type)) return { expected: 'bool' };
	const truth = truthOf(operand);
	const evaluate: Evaluate = (scope) => {
		const value = truth(scope);
		return value === undefined ? undefined : !value;
	};
	return { type: 'bool', evaluate };
}

function sameType(left: Typed, right: Typed): boolean {
	return left.type === right.type || left.type === 'dynamic' || right.type === 'dynamic';
}

function isOneOf(operand: Typed, ...types: StaticType[]): boolean {
	return types.includes(operand.type);
}

/** A value from the body may be an operand of all but `%`, as in Azure IoT Edge. */
function compileArithmetic(operator: string, left: Typed, right: Typed): Typed | OperandFault {
	const types: StaticType[] = operator === '%' ? ['number'] : ['number', 'dynamic'];
	const compute = arithmetic[operator];
	if (compute === undefined || !isOneOf(left, ...types) || !isOneOf(right, ...types)) {
		return { expected: 'number and number' };
	}
	const first = numberOf(left);
	const second = numberOf(right);
	return { type: 'number', evaluate: (scope) => compute(first(scope), second(scope)) };
}

/** A property without a value adds nothing, an absent one makes the result undefined. */
function compileConcatenation(left: Typed, right: Typed): Typed | OperandFault {
	if (!isOneOf(left, 'string', 'dynamic') || !isOneOf(right, 'string', 'dynamic')) {
		return { expected: 'string and string' };
	}
	const first = stringOf(left);
	const second = stringOf(right);
	const evaluate: Evaluate = (scope) => {
		const a = first(scope);
		const b = second(scope);
		return a === undefined || b === undefined ? undefined : (a ?? '') + (b ?? '');
	};
	return { type: 'string', evaluate };
}

function compileCoalesce(left: Typed, right: Typed): Typed | OperandFault {
	if (!sameType(left, right)) return { expected: 'both of one type' };
	const { evaluate: first } = left;
	const { evaluate: second } = right;
	const evaluate: Evaluate = (scope) => {
		const value = first(scope);
		return value === undefined || Number.isNaN(value) ? second(scope) : value;
	};
	return { type: left.type === right.type ? left.type : 'dynamic', evaluate };
}

/** Three-valued logic: undefined where the defined operands do not decide. */
function compileLogic(operator: 'and' | 'or', left: Typed, right: Typed): Typed | OperandFault {
	const type = logicType(left.type, right.type);
	if (type === undefined) return { expected: 'bool and bool' };
	if (type === 'null') return { type, evaluate: () => null };
	if (type === 'undefined') return { type, evaluate: () => undefined };
	const deciding = operator === 'or';
	const first = truthOf(left);
	const second = truthOf(right);
	const evaluate: Evaluate = (scope) => {
		const a = first(scope);
		if (a === deciding) return deciding;
		const b = second(scope);
		if (b === deciding) return deciding;
		return a === undefined || b === undefined ? undefined : !deciding;
	};
	return { type, evaluate };
}

/** The type of AND and OR; undefined where the operands do not go together. */
function logicType(left: StaticType, right: StaticType): StaticType | undefined {
	if (left === right) return isTruthLike(left) || left === 'dynamic' ? joined(left) : undefined;
	if (left === 'dynamic') return right === 'bool' ? 'bool' : undefined;
	const literals = left !== 'bool' && right !== 'bool';
	return isTruthLike(left) && isTruthLike(right) && !literals ? 'bool' : undefined;
}

function isTruthLike(type: StaticType): boolean {
	return type === 'bool' || type === 'null' || type === 'undefined';
}

function joined(type: StaticType): StaticType {
	return type === 'dynamic' ? 'bool' : type;
}
