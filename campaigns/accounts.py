"""Accounts and groups in the admin: who logs in, and what they may."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import UserChangeForm, UserCreationForm
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy

from campaigns.audit import Action, Source, record

# What a group can be allowed, in words; every other permission of Django's leads nowhere here.
RIGHTS = {
    "tracker.view_report": gettext_lazy("Read reports"),
    "campaigns.view_campaign": gettext_lazy("See campaigns in the admin"),
    "campaigns.add_campaign": gettext_lazy("Create campaigns"),
    "campaigns.change_campaign": gettext_lazy("Change campaigns: import, take snippets, share"),
    "campaigns.view_recipient": gettext_lazy("See recipients in the admin"),
    "campaigns.add_recipient": gettext_lazy("Add and import recipients"),
    "campaigns.change_recipient": gettext_lazy("Change recipients"),
    "campaigns.erase_recipient": gettext_lazy("Export and erase people"),
    "tracker.view_pixel": gettext_lazy("See pixels"),
    "tracker.view_open": gettext_lazy("See single opens"),
    "tracker.rejudge": gettext_lazy("Judge opens again"),
    "campaigns.view_suppressedaddress": gettext_lazy("See suppressed addresses"),
    "campaigns.add_suppressedaddress": gettext_lazy("Suppress addresses"),
    "campaigns.delete_suppressedaddress": gettext_lazy("Lift suppressions"),
    "campaigns.view_correctedaddress": gettext_lazy("See corrected addresses"),
    "campaigns.delete_correctedaddress": gettext_lazy("Take corrections back"),
    "campaigns.view_auditentry": gettext_lazy("Read the audit log"),
    "auth.view_user": gettext_lazy("See accounts"),
    "auth.add_user": gettext_lazy("Create accounts"),
    "auth.change_user": gettext_lazy("Change accounts and passwords"),
    "auth.delete_user": gettext_lazy("Remove accounts"),
}


class AccountForm(UserChangeForm):  # type: ignore[type-arg]  # mypy fails at its argument
    # Its stored form is nobody's business; the page leads to the one that changes it.
    password = None  # type: ignore[assignment]

    is_active = forms.BooleanField(
        label=gettext_lazy("Active"),
        required=False,
        help_text=gettext_lazy(
            "Without this tick nobody logs in with the account; what it did stays known."
        ),
    )
    groups = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"),
        label=gettext_lazy("Groups"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "Viewers read reports; Marketers do everything except what is for administrators only."
        ),
    )
    is_staff = forms.BooleanField(
        label=gettext_lazy("Staff status"),
        required=False,
        help_text=gettext_lazy("Reaches the admin. Marketers need it."),
    )
    is_superuser = forms.BooleanField(
        label=gettext_lazy("Administrator"),
        required=False,
        help_text=gettext_lazy(
            "May do everything, whatever the groups say: accounts, suppressed addresses, the audit "
            "log, exporting and erasing people."
        ),
    )


def _is_below(request: HttpRequest, user: User | None) -> bool:
    """An administrator's account, and so their password, is for administrators only."""
    return request.user.is_superuser or user is None or not user.is_superuser


class AccountAdmin(UserAdmin):  # type: ignore[type-arg]  # mypy fails at its argument
    """With each change in the audit log."""

    form = AccountForm
    add_form = UserCreationForm
    add_form_template = None
    fieldsets = (
        (None, {"fields": ("username", "shown_password", "last_login")}),
        (gettext_lazy("The person"), {"fields": ("first_name", "last_name", "email")}),
        (
            gettext_lazy("What they may do"),
            {"fields": ("is_active", "groups", "is_staff", "is_superuser")},
        ),
    )
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2")}),)
    readonly_fields = ("shown_password", "last_login")
    filter_horizontal = ()
    list_display = ("username", "full_name", "email", "group_names", "staff", "last_login")
    list_filter = ("is_active", "is_staff", "groups")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        found: QuerySet[User] = super().get_queryset(request)
        return found.prefetch_related("groups")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return _is_below(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return _is_below(request, obj) and super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        # Whoever may change accounts does not make themselves an administrator by it.
        if request.user.is_superuser:
            return self.readonly_fields
        return (*self.readonly_fields, "is_superuser")

    @admin.display(description=gettext_lazy("Name"))
    def full_name(self, user: User) -> str:
        return user.get_full_name() or "–"

    @admin.display(description=gettext_lazy("Groups"))
    def group_names(self, user: User) -> str:
        names = [gettext("Administrator")] if user.is_superuser else []
        return ", ".join((*names, *(group.name for group in user.groups.all()))) or "–"

    @admin.display(description=gettext_lazy("Staff status"), ordering="is_staff")
    def staff(self, user: User) -> str:
        return gettext("yes") if user.is_staff else "–"

    @admin.display(description=gettext_lazy("Password"))
    def shown_password(self, user: User) -> str:
        state = gettext("set") if user.has_usable_password() else gettext("none: nobody logs in")
        page = reverse("admin:auth_user_password_change", args=[user.pk])
        return format_html('{} · <a href="{}">{}</a>', state, page, gettext("Change the password"))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        action = Action.ACCOUNT_CHANGED if change else Action.ACCOUNT_ADDED
        # The names of the fields, and none of what was written into them.
        fields = [] if not change else form.changed_data
        record(action, obj, request.user, source=Source.ADMIN, fields=fields)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        record(Action.ACCOUNT_REMOVED, obj, request.user, source=Source.ADMIN)
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset.order_by("pk"):
            record(Action.ACCOUNT_REMOVED, user, request.user, source=Source.ADMIN)
        super().delete_queryset(request, queryset)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002  # as Django calls it
        form_url: str = "",
    ) -> HttpResponse:
        answer: HttpResponse = super().user_change_password(request, id, form_url)
        if request.method == "POST" and answer.status_code == HTTPStatus.FOUND:
            user = self.get_object(request, unquote(id))
            record(Action.PASSWORD_CHANGED, user, request.user, source=Source.ADMIN)
        return answer


class RightsField(forms.ModelMultipleChoiceField[Permission]):
    def label_from_instance(self, obj: Any) -> str:
        return str(RIGHTS.get(f"{obj.content_type.app_label}.{obj.codename}", obj))


class GroupForm(forms.ModelForm[Group]):
    permissions = RightsField(
        Permission.objects.none(),
        label=gettext_lazy("Its members may"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Group
        fields = ["name", "permissions"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["permissions"]
        field.queryset = offered_to(self.instance)


def offered_to(group: Group) -> QuerySet[Permission]:
    """In the order above; what a group has besides stays visible, and is not lost by saving."""
    places = [
        When(content_type__app_label=app, codename=name, then=Value(place))
        for place, (app, name) in enumerate(right.split(".") for right in RIGHTS)
    ]
    known = Permission.objects.select_related("content_type").annotate(
        place=Case(*places, default=Value(len(places)), output_field=IntegerField())
    )
    own = group.permissions.values("pk") if group.pk else Permission.objects.none().values("pk")
    return known.filter(Q(place__lt=len(places)) | Q(pk__in=own)).order_by("place", "pk")


def rights_of(permissions: Iterable[Permission]) -> set[str]:
    return {f"{one.content_type.app_label}.{one.codename}" for one in permissions}


class RolesAdmin(GroupAdmin):
    """With each change in the audit log, and which rights came and went by it."""

    form = GroupForm
    filter_horizontal = ()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        group: Group = form.instance
        before = rights_of(group.permissions.select_related("content_type"))
        super().save_related(request, form, formsets, change)
        after = rights_of(group.permissions.select_related("content_type"))
        record(
            Action.GROUP_CHANGED if change else Action.GROUP_ADDED,
            group,
            request.user,
            source=Source.ADMIN,
            group=group.name,
            allowed=sorted(after - before),
            no_longer_allowed=sorted(before - after),
        )

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        self._record_removal(request, obj)
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Group]) -> None:
        for group in queryset.order_by("pk"):
            self._record_removal(request, group)
        super().delete_queryset(request, queryset)

    @staticmethod
    def _record_removal(request: HttpRequest, group: Group) -> None:
        action, members = Action.GROUP_REMOVED, group.user_set.count()
        record(action, group, request.user, source=Source.ADMIN, group=group.name, members=members)


admin.site.unregister(User)
admin.site.register(User, AccountAdmin)
admin.site.unregister(Group)
admin.site.register(Group, RolesAdmin)
