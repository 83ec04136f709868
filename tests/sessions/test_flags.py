from sessions.flags import REQUEST_LABELS, RESPONSE_LABELS, STATE_LABELS, RequestFlag, ResponseFlag, StateFlag


def test_the_letters_are_those_of_the_documentation() -> None:
    assert "".join(REQUEST_LABELS) == "NIDVEO"
    assert "".join(RESPONSE_LABELS) == "NIUD"
    assert "".join(STATE_LABELS) == "LPSX"


def test_a_flag_is_the_index_of_its_letter() -> None:
    for flags, labels in (
        (RequestFlag, REQUEST_LABELS),
        (ResponseFlag, RESPONSE_LABELS),
        (StateFlag, STATE_LABELS),
    ):
        assert [labels[flag] for flag in flags] == [flag.name for flag in flags]
