"""What a person may ask for, and how the time is divided."""

from pathlib import Path

import pytest

from control.compare.plan import Plan, make_plan


def test_the_acts_share_the_seconds() -> None:
    for plan in (Plan(40), Plan(7, strategies=("affinity",))):
        assert sum(map(plan.lasting, plan.acts)) == pytest.approx(plan.seconds)
    assert [act.name for act in Plan(strategies=("affinity", "replication")).acts] == [
        "nothing happens",
        "a node is dead",
        "the node is back",
    ]


def test_what_is_asked_for(tmp_path: Path) -> None:
    plan, file = make_plan(9, 50, "store,affinity,store", "redis://u:p@h:1/2", str(tmp_path / "x.svg"))
    assert plan == Plan(9, 50, ("affinity", "store"), "redis://u:p@h:1/2")
    assert file == tmp_path / "x.svg"
    assert make_plan(30, 1000, None, "", None) == (Plan(), None)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((4, 50, None, "", None), "--seconds: from 5 to 3600, not 4"),
        ((9, 50, "affinity,sticky", "", None), "some of affinity,replication,store, not affinity,sticky"),
        ((9, 50, "affinity", "redis://h", None), "no `store`"),
        ((9, 50, None, "h:6379", None), "--redis: must be redis://"),
        ((9, 50, None, "rediss://:hunter2@h", None), "one server, without TLS"),
        ((9, 50, None, "", "x.pdf"), "ends with .png or .svg"),
        ((9, 50, None, "", "/no/such/place/x.png"), "in a directory that is there"),
    ],
)
def test_what_cannot_be(asked: tuple[float, int, str | None, str, str | None], words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        make_plan(*asked)
    assert "hunter2" not in str(refused.value)
