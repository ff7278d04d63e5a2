import type { JsonObject } from '../../../runtime/json.ts';
import { requestOfReview, rulesReview } from '../access/rbac-authorizer.ts';
import { issuer } from '../access/service-account-tokens.ts';
import type { User } from '../access/user.ts';
import { listAt, objectAt, textAt } from '../json-reading.ts';
import { readClientObject, typeOf } from '../objects/client-object.ts';
import { asJson } from '../objects/object-writer.ts';
import { noSuchResource } from '../status-error.ts';
import type { ApiRequest } from './api-request.ts';
import type { ClusterState } from './cluster-state.ts';
import { readBody } from './request-body.ts';
import { readWriteQuery } from './request-options.ts';
import { sendJson } from './response.ts';

/** Answers questions about rights and tokens: nothing of them is kept. */
export async function answerReview(state: ClusterState, api: ApiRequest): Promise<void> {
	const query = readWriteQuery(api.request, api.info.query);
	const body = (await readBody(api.request)) ?? {};
	const review = asJson(readClientObject(body, typeOf(api.kind), true, query));
	const status = statusOf(state, api.kind.kind, objectAt(review, 'spec'), api.user);
	sendJson(api.response, 201, { ...review, status }, query.warnings);
}

function statusOf(state: ClusterState, kind: string, spec: JsonObject, user: User): JsonObject {
	switch (kind) {
		case 'SelfSubjectAccessReview':
			return access(state, spec, user);
		case 'SubjectAccessReview':
		case 'LocalSubjectAccessReview':
			return access(state, spec, {
				name: textAt(spec, 'user'),
				groups: listAt(spec, 'groups').map(String),
			});
		case 'SelfSubjectRulesReview':
			return rulesReview(state.authorizer.rulesOf(user, textAt(spec, 'namespace')));
		case 'SelfSubjectReview':
			return { userInfo: userInfo(user) };
		case 'TokenReview':
			return tokenReview(state, spec);
		default:
			throw noSuchResource();
	}
}

function access(state: ClusterState, spec: JsonObject, user: User): JsonObject {
	const allowed = state.authorizer.allows(user, requestOfReview(spec));
	return allowed ? { allowed, reason: 'RBAC: allowed by ClusterRole or Role' } : { allowed };
}

function tokenReview(state: ClusterState, spec: JsonObject): JsonObject {
	const token = textAt(spec, 'token');
	const audiences = listAt(spec, 'audiences').map(String);
	const wanted = audiences.length === 0 ? [issuer] : audiences;
	const identity = state.tokens.verify(token, wanted);
	if (identity !== undefined) {
		const { user, audiences: matching } = identity;
		return { authenticated: true, user: userInfo(user), audiences: [...matching] };
	}
	const user = audiences.length === 0 ? state.authenticator.userOfToken(token) : undefined;
	if (user !== undefined) return { authenticated: true, user: userInfo(user) };
	return { authenticated: false, error: 'the token is not valid' };
}

function userInfo({ name, uid, groups, extra }: User): JsonObject {
	const lists = Object.entries(extra ?? {}).map(([key, values]) => [key, [...values]]);
	return {
		username: name,
		...(uid === undefined ? {} : { uid }),
		groups: [...groups],
		...(lists.length === 0 ? {} : { extra: Object.fromEntries(lists) }),
	};
}
