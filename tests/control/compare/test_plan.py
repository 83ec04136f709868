"""What a person may ask for, and how the time is divided."""

from pathlib import Path

import pytest

from control.compare.plan import Pictures, Plan, make_pictures, make_plan, redis_url


def test_the_acts_share_the_seconds() -> None:
    for plan in (Plan(40), Plan(7, strategies=("affinity",))):
        assert sum(map(plan.lasting, plan.acts)) == pytest.approx(plan.seconds)
    assert [act.name for act in Plan(strategies=("affinity", "replication")).acts] == [
        "nothing happens",
        "a node is dead",
        "the node is back",
    ]


def test_what_is_asked_for(tmp_path: Path) -> None:
    plan = make_plan(9, 50, "store,affinity,store", "redis://u:p@h:1/2")
    assert plan == Plan(9, 50, ("affinity", "store"), "redis://u:p@h:1/2")
    assert make_plan(30, 1000, None, "") == Plan()
    plot, report = tmp_path / "x.svg", tmp_path / "x.html"
    assert make_pictures(str(plot), str(report)) == Pictures(plot, report)
    assert make_pictures(None, None) == Pictures()


def test_a_url_with_a_password_may_be_in_the_environment() -> None:
    env = {"REDIS": "redis://:hunter2@h"}
    assert redis_url("", "REDIS", env) == "redis://:hunter2@h"
    assert redis_url("redis://h", None, env) == "redis://h"
    with pytest.raises(ValueError, match="cannot be combined"):
        redis_url("redis://h", "REDIS", env)
    with pytest.raises(ValueError, match="no variable OTHER"):
        redis_url("", "OTHER", env)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((4, 50, None, ""), "--seconds: from 5 to 3600, not 4"),
        ((9, 50, "affinity,sticky", ""), "some of affinity,replication,store, not affinity,sticky"),
        ((9, 50, "affinity", "redis://h"), "no `store`"),
        ((9, 50, None, "h:6379"), "--redis: must be redis://"),
        ((9, 50, None, "rediss://:hunter2@h"), "one server, without TLS"),
    ],
)
def test_what_cannot_be(asked: tuple[float, int, str | None, str], words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        make_plan(*asked)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("plot", "report", "words"),
    [
        ("x.pdf", None, "--plot: a file that ends with .png or .svg"),
        ("/no/such/place/x.png", None, "in a directory that is there"),
        (None, "x.png", "--report: a file that ends with .html"),
        (None, "/no/such/place/x.html", "in a directory that is there"),
    ],
)
def test_what_cannot_be_written(plot: str | None, report: str | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_pictures(plot, report)
