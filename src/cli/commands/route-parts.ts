import type { CompiledRoute } from '../../edge-hub/routing/route.ts';
import type { SinkText } from '../../edge-hub/routing/sink.ts';

/** What a route says, part by part. */
export interface RouteParts {
	/** FROM, without blanks. */
	readonly source: string;
	/** WHERE as written; `true` where there is none. */
	readonly condition: string;
	/** INTO as written. */
	readonly sink: SinkText;
}

export function routeParts({ source, conditionText, sinkText }: CompiledRoute): RouteParts {
	return { source, condition: conditionText, sink: sinkText };
}
