import type { Operator } from './route-lexer.ts';
import type { TextRange } from './route-problem.ts';

export type BinaryOperator = Operator | 'and' | 'or';

/** A condition as it was written. */
export type Expression = TextRange &
	(
		| { readonly kind: 'literal'; readonly value: number | string | boolean | null | undefined }
		| { readonly kind: 'property'; readonly name: string }
		| { readonly kind: 'system-property'; readonly name: string; readonly escaped: boolean }
		| {
				readonly kind: 'unary';
				readonly operator: '-' | 'not';
				readonly operand: Expression;
				readonly at: TextRange;
		  }
		| {
				readonly kind: 'binary';
				readonly operator: BinaryOperator;
				readonly left: Expression;
				readonly right: Expression;
				/** Where the operator stands. */
				readonly at: TextRange;
		  }
		| {
				readonly kind: 'call';
				/** As written. */
				readonly name: string;
				readonly arguments: readonly Expression[];
				/** Where the name stands. */
				readonly at: TextRange;
		  }
	);
