from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.test import Client

from campaigns.accounts import RIGHTS
from campaigns.models import AuditEntry
from campaigns.permissions import AccountBackend

pytestmark = pytest.mark.django_db
LogIn = Callable[[str], Client]


def page_of(user: User) -> str:
    return f"/admin/auth/user/{user.pk}/change/"


def test_an_account_is_edited_by_ticks_and_each_change_is_written_down(
    people: dict[str, User], log_in: LogIn
) -> None:
    nils = people["nobody"]
    client = log_in("administrator")
    text = client.get(page_of(nils)).content.decode()
    marketers = Group.objects.get(name="Marketers")
    assert f'<input type="checkbox" name="groups" value="{marketers.pk}"' in text
    for left_out in ("user_permissions", "last_login_0", "date_joined", "selectfilter", "md5"):
        assert left_out not in text
    form = {"username": "nils", "is_active": "on", "is_staff": "on", "groups": [marketers.pk]}
    assert client.post(page_of(nils), form).status_code == 302
    nils.refresh_from_db()
    assert nils.is_staff
    assert list(nils.groups.all()) == [marketers]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.details) == ("account-changed", {"fields": ["groups", "is_staff"]})


def test_the_password_is_changed_on_a_page_of_its_own(
    people: dict[str, User], log_in: LogIn
) -> None:
    client, mara = log_in("administrator"), people["marketer"]
    own = f"/admin/auth/user/{mara.pk}/password/"
    assert f'href="{own}"' in client.get(page_of(mara)).content.decode()
    assert "usable_password" not in client.get(own).content.decode()
    twice = {"password1": "quite long enough", "password2": "quite long enough"}
    client.post(own, {**twice, "set-password": "Change the password"})
    mara.refresh_from_db()
    assert mara.check_password("quite long enough")
    assert [one.action for one in AuditEntry.objects.all()] == ["password-changed"]


def test_who_may_change_accounts_makes_nobody_an_administrator(
    people: dict[str, User], log_in: LogIn
) -> None:
    mara = people["marketer"]
    some = Permission.objects.filter(codename__in=("change_user", "view_user"))
    mara.user_permissions.set(some)
    client = log_in("marketer")
    form = {"username": "mara", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    assert client.post(page_of(mara), form).status_code == 302
    mara.refresh_from_db()
    assert not mara.is_superuser
    own = page_of(people["administrator"])
    assert client.post(own, form | {"username": "ada"}).status_code == 403
    twice = {"password1": "quite long enough", "password2": "quite long enough"}
    assert client.post(own.replace("change", "password"), twice).status_code == 403


def test_a_group_is_told_in_words_and_keeps_what_is_not_offered(
    people: dict[str, User], log_in: LogIn
) -> None:
    viewers = Group.objects.get(name="Viewers")
    other = Permission.objects.get(codename="view_session")
    viewers.permissions.add(other)
    client = log_in("administrator")
    page = f"/admin/auth/group/{viewers.pk}/change/"
    text = client.get(page).content.decode()
    assert "Judge opens again" in text
    assert "selectfilter" not in text
    ticked = [*viewers.permissions.values_list("pk", flat=True)]
    client.post(page, {"name": "Readers", "permissions": ticked})
    viewers.refresh_from_db()
    assert viewers.name == "Readers"
    assert sorted(viewers.permissions.values_list("pk", flat=True)) == sorted(ticked)


def test_each_right_that_is_offered_is_there(people: Any) -> None:
    known = {
        f"{one.content_type.app_label}.{one.codename}"
        for one in Permission.objects.select_related("content_type")
    }
    assert known >= set(RIGHTS)


def test_the_list_of_accounts_says_no_with_a_dash(people: Any, log_in: LogIn) -> None:
    text = log_in("administrator").get("/admin/auth/user/").content.decode()
    assert '<td data-label="Staff status" class="field-staff">yes</td>' in text
    assert '<td data-label="Staff status" class="field-staff">–</td>' in text
    assert '<td data-label="Groups" class="field-group_names">Marketers</td>' in text
    assert "icon-no" not in text


def test_whatever_changes_a_group_is_written_down_with_the_rights_that_came_and_went(
    people: dict[str, User], log_in: LogIn
) -> None:
    client, groups = log_in("administrator"), "/admin/auth/group/"
    of = {one.codename: one.pk for one in Permission.objects.all()}
    client.post(f"{groups}add/", {"name": "Helpers", "permissions": [of["view_report"]]})
    helpers = Group.objects.get(name="Helpers")
    people["viewer"].groups.add(helpers)
    page = f"{groups}{helpers.pk}/change/"
    client.post(page, {"name": "Judges", "permissions": [of["rejudge"]]})
    client.post(f"{groups}{helpers.pk}/delete/", {"post": "yes"})
    entries = AuditEntry.objects.order_by("pk")
    assert [(one.action, one.details) for one in entries] == [
        (
            "group-added",
            {"group": "Helpers", "allowed": ["tracker.view_report"], "no_longer_allowed": []},
        ),
        (
            "group-changed",
            {
                "group": "Judges",
                "allowed": ["tracker.rejudge"],
                "no_longer_allowed": ["tracker.view_report"],
            },
        ),
        ("group-removed", {"group": "Judges", "members": 1}),
    ]
    assert {one.object_kind for one in entries} == {"group"}


def test_groups_removed_together_are_written_down_one_by_one(
    people: dict[str, User], log_in: LogIn
) -> None:
    every = list(Group.objects.values_list("pk", flat=True))
    form = {"action": "delete_selected", "_selected_action": every, "post": "yes"}
    log_in("administrator").post("/admin/auth/group/", form)
    assert not Group.objects.exists()
    removed = AuditEntry.objects.filter(action="group-removed")
    assert sorted(one.details["group"] for one in removed) == ["Marketers", "Viewers"]


@pytest.mark.django_db
def test_an_accounts_own_rights_and_its_groups_are_asked_for_at_once(
    people: Any, django_assert_num_queries: Any
) -> None:
    own = Permission.objects.get(codename="delete_campaign")
    people["viewer"].user_permissions.add(own)
    for name, user in people.items():
        # Read anew: what was asked for is remembered with the object.
        asked, compared = (User.objects.get(pk=user.pk) for _ in range(2))
        with django_assert_num_queries(1):
            found = AccountBackend().get_all_permissions(asked)
        assert found == ModelBackend().get_all_permissions(compared), name
    assert AccountBackend().has_perm(people["viewer"], "campaigns.delete_campaign")
    gone = User.objects.get(pk=people["viewer"].pk)
    gone.is_active = False
    assert AccountBackend().get_all_permissions(gone) == set()
    assert AccountBackend().get_all_permissions(AnonymousUser()) == set()
