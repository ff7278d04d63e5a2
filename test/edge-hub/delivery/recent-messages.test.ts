import test from 'ava';
import { RecentMessages } from '../../../src/edge-hub/delivery/recent-messages.ts';
import { messageOf } from '../../support/delivery-fixture.ts';

const body = { message: messageOf('edge1/a', 'x'), enqueuedAt: 0 };

test('the oldest messages make room for new ones', (t) => {
	const recent = new RecentMessages(250);
	for (const offset of [1, 2, 3]) recent.add(offset, body, 100, 1);
	t.is(recent.get(1), undefined);
	t.is(recent.get(2), body);
	recent.add(4, body, 300, 1);
	t.is(recent.get(4), undefined, 'one that is larger than all of the memory drives nothing out');
	t.is(recent.get(3), body);
});

test('a message is kept until all that are owed it have dealt with it', (t) => {
	const recent = new RecentMessages(100);
	recent.add(1, body, 100, 2);
	recent.settled(1);
	t.is(recent.get(1), body);
	recent.settled(1);
	recent.settled(1);
	t.is(recent.get(1), undefined);
	recent.add(2, body, 100, 1);
	t.is(recent.get(2), body);
});
