import type { CompiledRoute } from '../../edge-hub/routing/route.ts';

/** What a route says, part by part. */
export interface RouteParts {
	/** FROM, without blanks. */
	readonly source: string;
	/** WHERE as written; `true` where there is none. */
	readonly condition: string;
	readonly sink:
		| { readonly system: string }
		| { readonly function: string; readonly parameter: string };
}

export function routeParts({ source, conditionText, sink }: CompiledRoute): RouteParts {
	return {
		source,
		condition: conditionText,
		sink:
			sink.kind === 'upstream'
				? { system: '$upstream' }
				: {
						function: 'BrokeredEndpoint',
						parameter: `/modules/${sink.moduleId}/inputs/${sink.input}`,
					},
	};
}
