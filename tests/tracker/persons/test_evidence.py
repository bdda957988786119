"""What an open is left with when nothing may lead from it to a person any more."""

from __future__ import annotations

import pytest

from tests.conftest import make_campaign, make_hit, pixels_of
from tracker.models import Open, UniqueOpen
from tracker.persons.evidence import stop_linking
from tracker.writer import write_hits


@pytest.mark.usefixtures("real_db")
def test_an_open_that_is_to_be_nobodys_loses_address_and_agent_and_others_keep_theirs() -> None:
    theirs, another = pixels_of(make_campaign("a@example.com", "b@example.com"))
    write_hits([make_hit(theirs.pk), make_hit(theirs.pk), make_hit(another.pk)])
    assert stop_linking([theirs.pk]) == 2
    evidence = Open.objects.values_list("ip", "user_agent")
    assert [*map(tuple[object, ...], evidence.filter(pixel=theirs.pk))] == [(None, None)] * 2
    last = UniqueOpen.objects.values_list("last_ip", "last_user_agent")
    assert tuple[object, ...](last.get(pk=theirs.pk)) == (None, None)
    assert None not in evidence.get(pixel=another.pk)
    assert None not in last.get(pk=another.pk)
    assert stop_linking([theirs.pk]) == 0
