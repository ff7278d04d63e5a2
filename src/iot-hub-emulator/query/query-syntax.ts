import type { JsonValue } from '../../runtime/json.ts';

/** Operators between two values, lower-cased words included. */
export type BinaryOperator =
	| 'and'
	| 'or'
	| '='
	| '!='
	| '<'
	| '<='
	| '>'
	| '>='
	| '+'
	| '-'
	| '*'
	| '/'
	| '%';

/** A scalar expression of the query language. */
export type Expression =
	| { readonly kind: 'literal'; readonly value: JsonValue }
	| { readonly kind: 'path'; readonly segments: readonly (string | number)[] }
	| { readonly kind: 'not' | 'minus'; readonly operand: Expression }
	| {
			readonly kind: 'binary';
			readonly operator: BinaryOperator;
			readonly left: Expression;
			readonly right: Expression;
	  }
	| { readonly kind: 'in'; readonly operand: Expression; readonly list: readonly Expression[] }
	| { readonly kind: 'call'; readonly name: string; readonly operands: readonly Expression[] };

/** Functions over all rows of a group. */
export type AggregateName = 'count' | 'avg' | 'sum' | 'min' | 'max';

/** A column of the result. */
export interface Column {
	readonly name: string;
	/** Absent for a plain expression. */
	readonly aggregate?: AggregateName;
	/** Absent only for `COUNT()`. */
	readonly expression?: Expression;
}

/** What a query of the hub reads from. */
export const hubCollections = ['devices', 'devices.modules', 'devices.jobs'] as const;

/** What a query of the provisioning service reads from. */
export type ProvisioningCollection =
	| 'enrollments'
	| 'enrollmentgroups'
	| 'deviceregistrationstates';

/** What a query reads from. */
export type Collection = (typeof hubCollections)[number] | ProvisioningCollection;

/** A parsed query. */
export interface Query {
	/** Rows at most. */
	readonly top?: number;
	/** Undefined for `*`. */
	readonly columns: readonly Column[] | undefined;
	readonly from: Collection;
	readonly where?: Expression;
	readonly groupBy: readonly Expression[];
}
