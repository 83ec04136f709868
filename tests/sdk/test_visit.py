"""One request's session, from before the app to its response head."""

import logging

import pytest

from limpet_session import Node, Session, SessionClosed, SessionTooLarge, headers
from limpet_session.record import Need
from limpet_session.rules import Refusal
from limpet_session.visit import Unkept
from tests.sdk.nodes import TAKEOVER, TTL, A, B, NodeAtHand, finish

VERSION, STATE = headers.VERSION, headers.STATE


@pytest.fixture
def at() -> NodeAtHand:
    return NodeAtHand()


def test_a_read_tells_the_version_that_it_has_seen(at: NodeAtHand) -> None:
    at.write(a=1)
    slow = at.visit(version=2)
    at.write(version=2, b=2)
    assert finish(slow) == {VERSION: b"2"}
    assert at.held() == (3, {"a": 1, "b": 2}, True)


def test_parallel_requests_keep_each_others_keys(at: NodeAtHand) -> None:
    at.write(same=0, gone=0)
    one, two = at.visit(version=2), at.visit(version=2)
    one.session["one"] = one.session["same"] = 1
    two.session["two"] = two.session["same"] = 2
    del two.session["gone"]
    assert finish(one)[VERSION] == b"3"
    assert finish(two)[VERSION] == b"4"
    assert at.held() == (4, {"same": 2, "one": 1, "two": 2}, True)


def test_a_change_from_one_to_true_is_a_change(at: NodeAtHand) -> None:
    at.write(value=1)
    first, second = at.visit(version=2), at.visit(version=2)
    first.session["other"] = 1
    second.session["value"] = True
    finish(first)
    finish(second)
    assert at.held()[1]["value"] is True


def test_a_write_inside_a_value_is_saved(at: NodeAtHand) -> None:
    at.write(cart=["tea"])
    visit = at.visit(version=2)
    visit.session["cart"].append("rum")
    assert finish(visit)[VERSION] == b"3"
    assert at.held() == (3, {"cart": ["tea", "rum"]}, True)


def test_the_same_value_again_is_not_a_write(at: NodeAtHand) -> None:
    at.write(a=1)
    assert at.write(version=2, a=1) == {VERSION: b"2"}
    assert at.node.counters.unchanged == 1


@pytest.mark.parametrize(("size", "told"), [(4096, True), (4097, False)])
def test_a_state_that_does_not_fit_in_a_header_is_left_out(at: NodeAtHand, size: int, told: bool) -> None:
    answer = at.write(a="x" * (size - len('{"a":""}')))
    assert (STATE in answer) == told


def test_a_takeover_of_nothing_tells_the_empty_state(at: NodeAtHand) -> None:
    assert finish(at.visit(takeover=TAKEOVER)) == {VERSION: b"%d" % TAKEOVER, STATE: b""}


def test_a_state_above_the_limit_raises_and_the_next_head_goes_out() -> None:
    at = NodeAtHand(max_state=20)
    at.write(a="x" * 10)
    visit = at.visit(version=2)
    visit.session["a"] = "x" * 20
    with pytest.raises(SessionTooLarge, match="28 bytes, at most 20"):
        visit.finish()
    assert at.held() == (2, {"a": "x" * 10}, True)
    assert finish(visit) == {VERSION: b"2"}


def test_one_that_is_above_the_limit_already_can_be_made_smaller() -> None:
    at = NodeAtHand(max_state=20)
    visit = at.visit(version=7, state={"a": "x" * 40}, takeover=TAKEOVER)
    assert finish(visit)[VERSION] == b"%d" % TAKEOVER
    visit = at.visit(version=TAKEOVER)
    visit.session["a"] = "x"
    assert finish(visit)[VERSION] == b"%d" % (TAKEOVER + 1)


def test_what_cannot_be_written_raises_and_the_next_head_goes_out(at: NodeAtHand) -> None:
    visit = at.visit()
    visit.session["a"] = object()
    with pytest.raises(TypeError):
        visit.finish()
    assert finish(visit) == {VERSION: b"1"}


def test_nothing_is_written_after_the_head(at: NodeAtHand) -> None:
    visit = at.visit()
    visit.session["cart"] = ["tea"]
    finish(visit)
    visit.check()
    with pytest.raises(SessionClosed):
        visit.session["more"] = 1
    visit.session["cart"].append("rum")
    with pytest.raises(SessionClosed):
        visit.check()
    assert at.held() == (2, {"cart": ["tea"]}, True)


def test_who_else_holds_a_value_makes_no_write(at: NodeAtHand) -> None:
    at.write(cart=[["tea", 12345678901], ["rum"]])
    visit = at.visit()
    held = [*visit.session["cart"], visit.session["cart"][0][0]]
    assert finish(visit)[VERSION] == b"2" and held
    visit.check()
    assert at.held()[0] == 2


def test_a_failed_request_saves_nothing(at: NodeAtHand) -> None:
    visit = at.visit()
    visit.session["a"] = 1
    assert visit.abandon().headers == [(VERSION, b"1")]
    assert at.held() == (1, {}, True)


def test_clearing_is_logging_out(at: NodeAtHand) -> None:
    at.write(user="ann")
    visit = at.visit(version=2)
    visit.session.clear()
    assert finish(visit) == {VERSION: b"2", headers.END: b"1"}
    assert at.call("GET", f"/{A}").status == 410


def test_clearing_and_writing_is_a_write_that_leaves_nothing_of_others(at: NodeAtHand) -> None:
    at.write(user="ann")
    visit = at.visit(version=2)
    at.write(version=2, cart="hers")
    visit.session.clear()
    visit.session["user"] = "bob"
    assert finish(visit)[VERSION] == b"4"
    assert at.held() == (4, {"user": "bob"}, True)


def test_removing_the_last_key_is_not_logging_out(at: NodeAtHand) -> None:
    at.write(flash="hello")
    visit = at.visit(version=2)
    visit.session.pop("flash")
    assert finish(visit) == {VERSION: b"3", STATE: b""}


def test_clearing_nothing_is_nothing(at: NodeAtHand) -> None:
    visit = at.visit()
    visit.session.clear()
    assert finish(visit) == {VERSION: b"1"}


def test_clearing_and_renewing_nothing_is_logging_out(at: NodeAtHand) -> None:
    visit = at.visit()
    visit.session.clear()
    visit.session.renew()
    assert finish(visit) == {VERSION: b"1", headers.END: b"1"}


def test_an_end_is_an_end_even_of_nothing(at: NodeAtHand) -> None:
    visit = at.visit()
    visit.session.end()
    assert finish(visit) == {VERSION: b"1", headers.END: b"1"}


def test_a_session_says_its_id_and_after_a_login_the_new_one(at: NodeAtHand) -> None:
    visit = at.visit()
    assert visit.session.id == A
    visit.session.renew()
    assert finish(visit)[headers.RENEW].decode() == visit.session.id != A
    assert Unkept(Session()).session.id == ""


def test_weighing_raises_what_saving_would_and_changes_nothing() -> None:
    at = NodeAtHand(max_state=20)
    visit = at.visit()
    visit.weigh()
    visit.session["a"] = "x" * 20
    with pytest.raises(SessionTooLarge, match="28 bytes, at most 20"):
        visit.weigh()
    visit.session["a"] = object()
    with pytest.raises(TypeError):
        visit.weigh()
    visit.session["a"] = "x"
    visit.weigh()
    assert finish(visit)[VERSION] == b"2"
    visit.weigh()


def test_a_renewed_session_leaves_its_old_id_dead(at: NodeAtHand) -> None:
    at.write(cart=1)
    slow, visit = at.visit(version=2), at.visit(version=2)
    visit.session.renew()
    visit.session["user"] = "ann"
    told = finish(visit)
    new = told[headers.RENEW].decode()
    assert at.held(new) == (3, {"cart": 1, "user": "ann"}, True)
    assert told[VERSION] == b"3" and STATE in told
    assert at.ask(version=2) == Refusal(Need.ID, 2)
    slow.session["late"] = 1
    assert finish(slow) == {VERSION: b"2", headers.NEED: b"state", b"status": b"503"}
    assert at.held(new)[1] == {"cart": 1, "user": "ann"}


def test_a_save_is_discarded_counted_and_said_when_the_session_has_gone(
    at: NodeAtHand, caplog: pytest.LogCaptureFixture
) -> None:
    visit = at.visit()
    visit.session["a"] = 1
    at.call("POST", f"/{A}/fence", fence=TAKEOVER)
    with caplog.at_level(logging.WARNING, "limpet_session"):
        assert finish(visit) == {VERSION: b"1", headers.NEED: b"state", b"status": b"503"}
    assert at.node.counters.discarded == 1
    assert "discarded" in caplog.text and A not in caplog.text


def test_and_when_it_has_gone_and_come_back(at: NodeAtHand) -> None:
    """What it has read is older than what has been written elsewhere."""
    visit = at.visit()
    visit.session["count"] = 1
    at.call("POST", f"/{A}/fence", fence=TAKEOVER)
    finish(at.visit(version=TAKEOVER + 5, state={"count": 7}, takeover=2 * TAKEOVER))
    assert finish(visit)[headers.NEED] == b"state"
    assert at.held() == (2 * TAKEOVER, {"count": 7}, True)


def test_a_session_that_was_forgotten_and_begins_again_is_another_one(at: NodeAtHand) -> None:
    visit = at.visit()
    visit.session["old"] = 1
    at.clock.now += TTL
    finish(at.visit())
    assert finish(visit)[headers.NEED] == b"state"
    assert at.held() == (1, {}, True)


def test_a_stale_state_says_so() -> None:
    at = NodeAtHand()
    ours = {
        headers.KEY: b"a-shared-secret",
        headers.SESSION: B.encode(),
        headers.VERSION: b"3",
        headers.STATE: headers.pack(b'{"a":1}'),
        headers.TAKEOVER: b"%d" % TAKEOVER,
        headers.STALE: b"9",
        headers.TTL: b"60",
    }
    life = at.node.open(ours)
    assert not isinstance(life, Refusal)
    assert (life.session.stale, life.session) == (9, {"a": 1})


def test_without_the_proxy_nothing_is_kept_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unkept, "_warned", False)
    node = Node(["secret"])
    for ours in ({}, {headers.KEY: b"guessed", headers.SESSION: A.encode()}):
        life = node.open(ours)
        assert isinstance(life, Unkept)
        life.session["a"] = 1
        assert life.finish().headers == []
        with pytest.raises(SessionClosed):
            life.session["a"] = 2
    assert caplog.text.count("not kept") == 1


def test_who_knows_the_key_and_names_no_session_has_none() -> None:
    assert isinstance(Node(["secret"]).open({headers.KEY: b"secret"}), Unkept)


def test_a_state_that_cannot_be_read_leaves_nobody_counted_in(at: NodeAtHand) -> None:
    at.call("PUT", f"/{A}", b"[]", version=3, ttl=TTL)
    with pytest.raises(ValueError, match="JSON object"):
        at.ask(version=3, takeover=TAKEOVER)
    assert at.node.running.hold([A]).clear()


def test_a_refused_request_is_not_counted_in(at: NodeAtHand) -> None:
    assert isinstance(at.ask(version=3), Refusal)
    assert at.node.running.hold([A]).clear()


def test_a_request_is_counted_out_once(at: NodeAtHand) -> None:
    one, two = at.visit(), at.visit()
    one.leave()
    one.leave()
    hold = at.node.running.hold([A])
    assert not hold.clear()
    two.leave()
    assert hold.clear()
